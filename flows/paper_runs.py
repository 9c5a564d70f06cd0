"""The paper's choices and ours as two runs of one MLflow experiment, with the same metrics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.registry.facts import TrainingFacts
from components.registry.mlflow_registry import Registry
from models.allocator.paper import judge_choice
from models.allocator.paper_figure import draw_figure_2
from models.allocator.paper_sweep import equation_1
from models.code_version import git_commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from flows.paper_experiment import Experiment
    from models.allocator.paper import PaperRow
    from models.allocator.paper_sweep import PaperSweep

EXPERIMENT = "allocator-paper"
FIGURE_TARGET_MS = 7.0
"""The target of the paper's own Figure 2."""


def log_runs(url: str, experiment: Experiment, folder: Path) -> str:
    """Log what the paper's agents chose and what ours chose, on the same simulated node.

    Args:
        url: of MLflow.
        experiment: its first node is what both are judged on, by the truth.
        folder: for the figures.

    Returns:
        The address of the page that compares both.

    Raises:
        RegistryError: MLflow is away.
    """
    ours, truth = experiment.results[0], experiment.truths[0]
    theirs = paper_rows(ours.rows, truth)
    registry = Registry(url)
    runs: list[str] = []
    for name, rows, steps in (
        ("the paper's agents", theirs, 200_000 * len(theirs)),
        ("ours, one agent for all targets", ours.rows, ours.n_steps),
    ):
        own = folder / str(len(runs))  # one name for both: MLflow then shows them side by side
        own.mkdir()
        figure = draw_figure_2(ours.sweep, _shown(rows), own / "figure-2.png")
        facts = TrainingFacts(
            name=f"{name} (simulated node)",
            evaluation_set="",
            git_commit=git_commit(),
            policy=EXPERIMENT,
            params={"origin": "simulated", "targets_ms": _targets(rows), "steps": steps},
            results=metrics(rows),
            figures=(figure,),
        )
        runs.append(registry.log_training(facts))
    return registry.compare_runs_url(runs)


def paper_rows(rows: Sequence[PaperRow], truth: PaperSweep) -> tuple[PaperRow, ...]:
    """What the paper's agents chose for those targets that the paper has, judged alike."""
    known = [row for row in rows if row.paper_n_cpus is not None]
    return tuple(
        replace(
            judge_choice(
                truth,
                row.seed,
                row.target_ms,
                int(np.flatnonzero(truth.n_cpus == row.paper_n_cpus)[0]),
            ),
            optimal_n_cpus=row.optimal_n_cpus,
        )
        for row in known
    )


def metrics(rows: Sequence[PaperRow]) -> Mapping[str, float]:
    """Figures of one agent over its targets; names are the same for whoever chose."""
    figures: dict[str, float] = {
        "exact": float(sum(row.is_exact for row in rows)),
        "missed": float(sum(not row.meets_target for row in rows)),
    }
    rewards = []
    for row in rows:
        reward = float(equation_1(row.latency_ms, row.power_w, row.target_ms))
        at = f"at {row.target_ms:g} ms"
        figures |= {
            f"latency_ms {at}": row.latency_ms,
            f"power_w {at}": row.power_w,
            f"n_cpus {at}": float(row.n_cpus),
            f"equation_1 {at}": reward,
        }
        rewards.append(reward)
    figures["equation_1 mean"] = float(np.mean(rewards))
    figures["power_w mean"] = float(np.mean([row.power_w for row in rows]))
    return figures


def _shown(rows: Sequence[PaperRow]) -> PaperRow:
    return min(rows, key=lambda row: abs(row.target_ms - FIGURE_TARGET_MS))


def _targets(rows: Sequence[PaperRow]) -> str:
    return ", ".join(f"{row.target_ms:g}" for row in rows)
