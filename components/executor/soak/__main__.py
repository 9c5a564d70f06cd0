"""`python -m components.executor.soak`: a long time with all faults at random, and its traces."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from dataclasses import astuple, fields
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from components.executor.soak.soak import run_soak
from components.executor.soak.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_GROWTH_MIB = 2.0
LOOKS = 3
KEPT_TARGET = 1.003
"""The latency in the end, over its target, when the search has settled within its noise."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; 0 only when nothing grew and the target is kept in the end."""
    parser = argparse.ArgumentParser(prog="soak", description=main.__doc__)
    parser.add_argument("--ticks", type=int, default=104_000, help="in all (%(default)s)")
    parser.add_argument(
        "--every", type=int, default=4_000, help="ticks between two looks (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    seen: list[Traces] = []

    def tell(traces: Traces) -> None:
        seen.append(traces)
        _say(",".join(f"{value:.10g}" for value in astuple(traces)))

    _say(",".join(field.name for field in fields(Traces)))
    with tempfile.TemporaryDirectory() as folder:
        ratio = run_soak(arguments.ticks, arguments.every, arguments.seed, Path(folder), tell)
    return 0 if judge(seen, ratio) else 1


def judge(seen: Sequence[Traces], ratio: float) -> bool:
    """Compare the first looks, when all that is loaded is loaded, with the last."""
    first, last = seen[0], seen[-1]
    growth_mib = _mib(seen[-LOOKS:]) - _mib(seen[:LOOKS])
    _say(
        f"# over {last.n_ticks - first.n_ticks} ticks: {growth_mib:+.2f} MiB (less than "
        f"{MOST_GROWTH_MIB:g}), {last.n_descriptors - first.n_descriptors:+d} descriptors, "
        f"{last.n_threads - first.n_threads:+d} threads; latency in the end {ratio:.4f} of its "
        f"target (at most {KEPT_TARGET:g})"
    )
    held = {(one.n_descriptors, one.n_threads) for one in (first, last)}
    return growth_mib < MOST_GROWTH_MIB and len(held) == 1 and ratio <= KEPT_TARGET


def _mib(looks: Sequence[Traces]) -> float:
    """Memory over a few looks: the allocator gives back and takes again by the half MiB."""
    return median(look.rss_mib for look in looks)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # faults at random have much to say
    sys.exit(main())
