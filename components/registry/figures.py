"""Figures of a training, for the pages of the registry; drawn without a screen.

Each function writes one PNG and returns its path. Matplotlib is imported when one is called.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 110
_MARKERS = "osD^vP*X"
_SMALLEST_REGRET = 1e-4
"""Regret below this is drawn here: the axis is logarithmic and many choices are the best."""


def regret_figure(path: Path, regrets: Mapping[str, Sequence[float]]) -> Path:
    """Draw which share of cases each policy solves within which regret.

    Args:
        path: of the PNG.
        regrets: per policy, one number a case: power over the least feasible, less 1.
    """
    figure, axes = _figure("Regret in power over all cases")
    for name, values in regrets.items():
        ordered = np.sort(np.maximum(np.asarray(values, dtype=float), _SMALLEST_REGRET))
        share = np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
        axes.step(ordered, share, where="post", label=name)
    axes.set_xscale("log")
    axes.set_xlabel("regret (0.01 is 1 % more power than the best choice)")
    axes.set_ylabel("share of cases with at most that")
    return _written(figure, axes, path)


def power_latency_figure(
    path: Path,
    latency_ms: Sequence[float],
    power_w: Sequence[float],
    *,
    target_ms: float,
    chosen: Mapping[str, tuple[float, float]],
) -> Path:
    """Draw every allocation of a job by latency and power, its target, and what was chosen.

    Args:
        path: of the PNG.
        latency_ms: of each allocation.
        power_w: of each allocation, in the same order.
        target_ms: the job's target.
        chosen: by name (`challenger`, `best`, …), latency in ms and power in W.
    """
    figure, axes = _figure("Allocations of a job")
    axes.scatter(latency_ms, power_w, s=12, color="0.7", label="allocations")
    axes.axvline(target_ms, color="black", linestyle="--", label=f"target {target_ms:g} ms")
    for marker, (name, (latency, power)) in zip(cycle(_MARKERS), chosen.items(), strict=False):
        axes.scatter([latency], [power], marker=marker, s=60, label=name)
    axes.set_xscale("log")
    axes.set_xlabel("latency per image [ms]")
    axes.set_ylabel("power of the node [W]")
    return _written(figure, axes, path)


def curves_figure(path: Path, title: str, curves: Mapping[str, Sequence[float]]) -> Path:
    """Draw how figures went over the steps of a training."""
    figure, axes = _figure(title)
    for name, values in curves.items():
        axes.plot(range(len(values)), values, label=name)
    axes.set_xlabel("step")
    return _written(figure, axes, path)


def _figure(title: str) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes


def _written(figure: Figure, axes: Axes, path: Path) -> Path:
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DPI, format="png")
    return path
