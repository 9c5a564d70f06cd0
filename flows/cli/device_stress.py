"""`joulepilot device stress`: our choices on random tables of any kind, beside baselines."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from flows.cli.printing import print_table, show_progress
from flows.errors import BenchmarkError
from models.device_classifier.stress import pooled, stress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from components.settings.settings import Resolved
    from models.device_classifier.stress import StressResult

COLUMNS = (
    "costs depend on", "tables", "our regret", "best baseline", "excess, 95 %",
    "worse", "beyond noise",
)  # fmt: skip
FEWEST = 2


def run(arguments: argparse.Namespace, _resolved: Resolved) -> int:
    """Evaluate random tables; the best of the three baselines is told after the fact."""
    if arguments.tables < FEWEST:
        raise BenchmarkError(
            f"asked for {arguments.tables} random tables", "an interval needs two", "ask for more"
        )
    first = arguments.first_seed
    with show_progress() as progress:
        found = stress(range(first, first + arguments.tables), progress)
    if arguments.json:
        print(json.dumps([asdict(each) for each in found]))
        return 0
    kinds = sorted({each.kind for each in found})
    rows = [_row(kind, [each for each in found if each.kind == kind]) for kind in kinds]
    print_table(COLUMNS, [*rows, _row("all", found)])
    worst = max(found, key=lambda each: each.excess)
    print(
        f"worst: {worst.excess:+.2%} against {worst.baseline} "
        f"({worst.kind}, {worst.n_rows} rows, noise {worst.error:.2%})"
    )
    return 0


def _row(kind: str, found: Sequence[StressResult]) -> tuple[str, ...]:
    excess = [each.excess for each in found]
    mean, half = pooled(excess) if len(found) >= FEWEST else (excess[0], None)
    return (
        kind,
        str(len(found)),
        f"{sum(each.ours for each in found) / len(found):.2%}",
        f"{sum(each.best for each in found) / len(found):.2%}",
        f"{mean:+.2%}" + ("" if half is None else f" ± {half:.2%}"),
        str(sum(each.excess > 0 for each in found)),
        str(sum(each.is_worse_beyond_noise for each in found)),
    )
