"""The figures of one training, as MLflow shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.registry.figures import (
    calibration_figure,
    curves_figure,
    power_latency_figure,
    regret_by_target_figure,
    regret_figure,
)
from models.allocator.forecast_check import said_of_targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from components.releases.scores import Scores
    from models.allocator.evaluation_set import EvaluationSet
    from models.allocator.retrain import TrainReport
    from models.allocator.surfaces import Surface

KEEPS_TARGET = "Whether an allocation keeps the target, said from two that were seen"


def training_figures(
    report: TrainReport,
    scores: Mapping[str, Scores],
    cases: EvaluationSet,
    bundles: Mapping[str, Path],
    surfaces: Sequence[Surface],
    folder: Path,
) -> tuple[Path, ...]:
    """Draw regret, calibration, the learning curves, and what was recorded of each job.

    Args:
        report: of the training.
        scores: by role, all on `cases`.
        cases: what was judged on.
        bundles: by role, those that predict.
        surfaces: what was recorded.
        folder: for the figures.

    Raises:
        BundleError: a bundle does not pass its check.
    """
    regrets = {role: [case.regret for case in of.cases] for role, of in scores.items()}
    targets_ms = [case.target_ms for case in cases.cases]
    said = {role: said_of_targets(bundle, cases) for role, bundle in bundles.items()}
    return (
        regret_figure(folder / "regret.png", regrets),
        regret_by_target_figure(folder / "regret-by-target.png", targets_ms, regrets),
        calibration_figure(folder / "calibration.png", KEEPS_TARGET, said),
        curves_figure(folder / "learning.png", "Learning", report.curves),
        *_recorded(surfaces, folder),
    )


def _recorded(surfaces: Sequence[Surface], folder: Path) -> list[Path]:
    """What was recorded of each job, with the cheapest allocation that kept the target."""
    figures = []
    for number, surface in enumerate(surfaces):
        latency_ms = [point.latency_ms for point in surface.points]
        power_w = [point.power_w for point in surface.points]
        for target_ms in surface.targets_ms[:1]:
            kept = [(w, ms) for w, ms in zip(power_w, latency_ms, strict=True) if ms <= target_ms]
            cheapest = {"cheapest recorded": min(kept)[::-1]} if kept else {}
            path = folder / f"recorded-{number}.png"
            figures.append(
                power_latency_figure(
                    path, latency_ms, power_w, target_ms=target_ms, chosen=cheapest
                )
            )
    return figures
