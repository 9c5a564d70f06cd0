"""`joulepilot allocator paper`: the first paper's experiment, on the simulated reference node."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.printing import print_table
from flows.errors import TargetsError
from models.allocator.paper import train_paper_agent
from models.allocator.paper_figure import draw_figure_2
from models.allocator.paper_sweep import simulated_sweep

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from components.settings.settings import Resolved
    from models.allocator.paper import PaperResult, PaperRow

FIGURE_TARGET_MS = 7.0  # the target of the paper's own Figure 2


def run(arguments: argparse.Namespace, _resolved: Resolved) -> int:
    """Train one agent a seed for all targets and print Table 2."""
    targets_ms = _checked(arguments.targets_ms)
    results = []
    for seed in range(arguments.seeds):
        sweep = simulated_sweep(seed=seed, noise=arguments.noise)
        results.append(train_paper_agent(sweep, targets_ms, seed))
    rows = [row for result in results for row in result.rows]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        _print_table_2(rows, results)
    if arguments.figure:
        row = min(results[0].rows, key=lambda row: abs(row.target_ms - FIGURE_TARGET_MS))
        draw_figure_2(results[0].sweep, row, Path(arguments.figure))
    return 0


def _checked(targets_ms: Sequence[float]) -> list[float]:
    bad = [target for target in targets_ms if not 0 < target < float("inf")]
    if bad:
        raise TargetsError(
            f"asked for the targets {bad} ms", "a target is above 0", "give positive milliseconds"
        )
    return list(targets_ms)


def _print_table_2(rows: Sequence[PaperRow], results: Sequence[PaperResult]) -> None:
    print("Simulated reference node: 2 sockets, 64 cores, 128 logical CPUs; 1 to 100 recorded.")
    print_table(
        ("seed", "target", "paper's", "ours", "best", "latency", "node power", "target met"),
        [
            (
                str(row.seed),
                f"{row.target_ms:g} ms",
                "-" if row.paper_n_cpus is None else str(row.paper_n_cpus),
                str(row.n_cpus),
                "none" if row.optimal_n_cpus is None else str(row.optimal_n_cpus),
                f"{row.latency_ms:.3f} ms",
                f"{row.power_w:.1f} W",
                "yes" if row.meets_target else "missed",
            )
            for row in rows
        ],
    )
    exact = sum(row.is_exact for row in rows)
    cpu_s = sum(result.cpu_s for result in results) / len(results)
    print(
        f"{exact} of {len(rows)} exact; {results[0].n_steps} steps and "
        f"{cpu_s:.1f} CPU s a seed, for all targets together"
    )
