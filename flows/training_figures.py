"""The figures of one training, as MLflow shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.registry.figures import curves_figure, power_latency_figure, regret_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from components.releases.scores import Scores
    from models.allocator.retrain import TrainReport
    from models.allocator.surfaces import Surface


def training_figures(
    report: TrainReport, scores: Mapping[str, Scores], surfaces: Sequence[Surface], folder: Path
) -> tuple[Path, ...]:
    """Draw regret by case, the learning curves, and what was recorded of each job."""
    regrets = {role: [case.regret for case in of.cases] for role, of in scores.items()}
    return (
        regret_figure(folder / "regret.png", regrets),
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
