"""What `joulepilot allocator paper` prints."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from flows.cli.printing import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.paper_experiment import Experiment
    from models.allocator.paper import PaperResult, PaperRow
    from models.allocator.paper_naive import NaiveRow

_COLUMNS = ("target", "paper's", "ours", "best", "latency", "node power", "target met")


def print_table_2(rows: Sequence[PaperRow]) -> None:
    """Table 2, once for each seed; latency, power and whether a target is met are the truth."""
    print("Simulated node: 2 sockets, 64 cores, 128 logical CPUs; 1 to 100 recorded for 60 s each.")
    print_table(("seed", *_COLUMNS), [(str(row.seed), *_cells(row)) for row in rows])


def print_summary(experiment: Experiment) -> None:
    """How many are exact and how many miss, and what it took."""
    rows, results, recorded = experiment.rows, experiment.results, experiment.recorded
    n_exact, n_missed = sum(row.is_exact for row in rows), sum(_is_missed(row) for row in rows)
    n_whole = sum(result.n_exact == len(result.rows) for result in results)
    print(
        f"{n_exact} of {len(rows)} exact ({n_exact / len(rows):.1%}), {n_missed} missed; "
        f"all targets exact on {n_whole} of {len(results)} seeds"
    )
    print(
        f"{results[0].n_steps} steps and {fmean(r.cpu_s for r in results):.1f} CPU s a seed, for "
        "all targets together"
    )
    print(
        f"learned from {recorded.n_samples} simulated samples, {recorded.n_bodies} OTLP bodies, "
        f"samples v{recorded.lake_version}: {recorded.verdict}"
    )


def print_comparison(naive: Sequence[NaiveRow], ours: PaperResult) -> None:
    """Agents trained as in the paper, and the CPU time of all targets over that of ours."""
    print("\nAs the paper would: one agent a target, Equation 1, SB3's defaults, one seed.")
    print_table(
        ("agent", *_COLUMNS, "steps", "CPU s"),
        [(n.algorithm, *_cells(n.row), str(n.n_steps), f"{n.cpu_s:.1f}") for n in naive],
    )
    for algorithm in dict.fromkeys(n.algorithm for n in naive):
        own = [n for n in naive if n.algorithm == algorithm]
        cpu_s = sum(n.cpu_s for n in own)
        print(
            f"{algorithm}: {sum(n.row.is_exact for n in own)} of {len(own)} exact, "
            f"{cpu_s:.1f} CPU s; ours {ours.n_exact} of {len(ours.rows)}, {ours.cpu_s:.2f} CPU s: "
            f"{cpu_s / ours.cpu_s:.0f} times less"
        )


def _cells(row: PaperRow) -> tuple[str, ...]:
    return (
        f"{row.target_ms:g} ms",
        "-" if row.paper_n_cpus is None else str(row.paper_n_cpus),
        str(row.n_cpus),
        "none" if row.optimal_n_cpus is None else str(row.optimal_n_cpus),
        f"{row.latency_ms:.3f} ms",
        f"{row.power_w:.1f} W",
        "yes" if row.meets_target else "missed",
    )


def _is_missed(row: PaperRow) -> bool:
    """Something meets the target, and the choice does not."""
    return row.optimal_n_cpus is not None and not row.meets_target
