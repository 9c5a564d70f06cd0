"""What a roofline would add up, for features whose meaning is known by their name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One non-negative addend of a cost: [N] values."""

    name: str
    values: FloatArray


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


def batch_sizes(names: Sequence[str], features: FloatArray) -> FloatArray:
    """Batch sizes [N]; ones where no feature is known to be the batch."""
    found = meanings(names).get("batch", [])
    if len(found) != 1:
        return np.ones(len(features))
    values = _plain(names[found[0]], features[:, found[0]])
    return np.maximum(values, 1e-9)


def roofline_terms(names: Sequence[str], features: FloatArray, kind: str) -> tuple[Term, ...]:
    """The basis of a cost of one batch; for other than CPUs also times (1 - clock share)."""
    if not is_known(names):
        return ()
    found = meanings(names)
    batch = batch_sizes(names, features)
    terms = [Term("1", np.ones(len(features)))]
    for meaning, indices in found.items():
        for index in indices:
            if meaning in {"batch", "clock"}:
                continue
            values = np.maximum(_plain(names[index], features[:, index]), 0.0)
            if meaning in {"starts", "weights"}:
                terms.append(Term(names[index], values))
            if meaning != "weights":
                terms.append(Term(f"{names[index]}*batch", values * batch))
            if meaning == "work":
                terms.append(Term(f"{names[index]}*sqrt(batch)", values * np.sqrt(batch)))
                terms.append(Term(f"sqrt({names[index]}*batch)", np.sqrt(values * batch)))
    terms.append(Term("batch", batch))
    clocks = found.get("clock", [])
    if kind == "cpu" or len(clocks) != 1:
        return tuple(terms)
    clock = np.clip(features[:, clocks[0]], 0.0, 1.0)
    slowed = [Term(f"{t.name}*(1-clock)", t.values * (1.0 - clock)) for t in terms]
    stretch = 1.0 / np.maximum(clock, 0.02) - 1.0
    inverse = [Term(f"{t.name}/clock", t.values * stretch) for t in terms]
    return (*terms, *slowed, *inverse)


def _plain(name: str, values: FloatArray) -> FloatArray:
    """Undo a logarithm that the name of a feature tells of."""
    match = IS_LOG.match(name.lower())
    if match is None:
        return values
    base = match.group("base") or match.group("end")
    return np.power(float(base) if base else np.e, np.clip(values, -50.0, 50.0))
