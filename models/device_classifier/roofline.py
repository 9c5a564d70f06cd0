"""What a roofline would add up, for features whose meaning is known by their name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.products import ONE, Units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.products import Factors
    from models.device_classifier.table import FloatArray

MEANINGS = {
    "batch": r"(log2?_)?(batch(_?size)?|n_?samples|samples)",
    "clock": r"((sm|gpu|dgpu)_?)?clock(_share|_ratio|_rel|_frac(tion)?|_over_max)?",
    "work": r"(g|m|k)?(macs?|flops?)(_\w+)?|n_(macs|flops)|(compute|work)(_\w+)?",
    "weights": r"(n_)?(params?|parameters|weights)(_\w+)?",
    "traffic": r"(n_)?(act|activations?|activation_bytes|output|outputs?)(_\w+)?",
    "input": r"(n_)?inputs?(_\w+)?|in_bytes",
    "starts": r"(n_)?(layers?|launches|kernels|ops|nodes|depth)(_\w+)?|kernel_launches",
}
IS_LOG = re.compile(r"log(?P<base>2|10)?_|.*_log(?P<end>2|10)?$")


def meanings(names: Sequence[str]) -> dict[str, list[int]]:
    """Which features are batch, work, weights, …, by their names."""
    found: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        for meaning, pattern in MEANINGS.items():
            if re.fullmatch(pattern, plain):
                found.setdefault(meaning, []).append(index)
                break
    return found


def is_known(names: Sequence[str]) -> bool:
    """Whether a roofline can be written down: batch and work of a network are named."""
    found = meanings(names)
    return len(found.get("batch", ())) == 1 and "work" in found


def batch_index(names: Sequence[str]) -> int | None:
    """Which feature is the batch size; None where it cannot be told."""
    found = meanings(names).get("batch", [])
    return found[0] if len(found) == 1 else None


def roofline_units(names: Sequence[str], fill: FloatArray) -> Units:
    """Units of which the products of `roofline_factors` are made."""
    clocks = meanings(names).get("clock", [])
    return Units(
        fill=fill,
        log_bases=np.array([_log_base(name) for name in names]),
        least=np.zeros(len(names)),
        clock=clocks[0] if len(clocks) == 1 else None,
    )


def roofline_factors(names: Sequence[str], units: Units, kind: str) -> Factors:
    """The addends of a cost of one batch; for other than CPUs also times (1 - clock share)."""
    if not is_known(names):
        return ()
    found = meanings(names)
    (batch,) = found["batch"]
    terms: list[tuple[int, int, int]] = [(ONE, ONE, ONE)]
    for meaning, indices in found.items():
        for index in indices:
            if meaning in {"batch", "clock"}:
                continue
            size = units.size(index)
            if meaning in {"starts", "weights"}:
                terms.append((size, ONE, ONE))
            if meaning != "weights":
                terms.append((size, units.size(batch), ONE))
            if meaning == "work":
                terms.append((size, units.root(batch), ONE))
                terms.append((units.root(index), units.root(batch), ONE))
    terms.append((units.size(batch), ONE, ONE))
    if kind == "cpu" or units.clock is None:
        return tuple(terms)
    slowed = [(a, b, units.slowed) for a, b, _ in terms]
    stretched = [(a, b, units.stretch) for a, b, _ in terms]
    return (*terms, *slowed, *stretched)


def _log_base(name: str) -> float:
    """The natural logarithm of the base that the name of a feature tells of; 0: it is plain."""
    match = IS_LOG.match(name.lower())
    if match is None:
        return 0.0
    base = match.group("base") or match.group("end")
    return float(np.log(float(base))) if base else 1.0
