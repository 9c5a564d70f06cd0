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
_N_PARTS = 5
_N_BINS = 10
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

    The front joins those that no other beats in both.

    Args:
        path: of the PNG.
        latency_ms: of each allocation.
        power_w: of each allocation, in the same order.
        target_ms: the job's target.
        chosen: by name (`challenger`, `best`, …), latency in ms and power in W.
    """
    figure, axes = _figure("Allocations of a job")
    axes.scatter(latency_ms, power_w, s=12, color="0.7", label="allocations")
    front = pareto_front(latency_ms, power_w)
    axes.step(*zip(*front, strict=True), where="post", color="0.4", label="Pareto front")
    axes.axvline(target_ms, color="black", linestyle="--", label=f"target {target_ms:g} ms")
    for marker, (name, (latency, power)) in zip(cycle(_MARKERS), chosen.items(), strict=False):
        axes.scatter([latency], [power], marker=marker, s=60, label=name)
    axes.set_xscale("log")
    axes.set_xlabel("latency per image [ms]")
    axes.set_ylabel("power of the node [W]")
    return _written(figure, axes, path)


def pareto_front(
    latency_ms: Sequence[float], power_w: Sequence[float]
) -> list[tuple[float, float]]:
    """Latency and power of the allocations that no other beats in both, the fastest first."""
    front: list[tuple[float, float]] = []
    for latency, power in sorted(zip(latency_ms, power_w, strict=True)):
        if not front or power < front[-1][1]:
            front.append((latency, power))
    return front


def regret_by_target_figure(
    path: Path, targets_ms: Sequence[float], regrets: Mapping[str, Sequence[float]]
) -> Path:
    """Draw what each policy loses by how tight the target is: mean of each fifth of the targets.

    Args:
        path: of the PNG.
        targets_ms: of each case.
        regrets: per policy, one number a case, in the same order.
    """
    figure, axes = _figure("Regret by target")
    order = np.argsort(targets_ms)
    fifths = [part for part in np.array_split(order, _N_PARTS) if len(part)]
    middle_ms = [float(np.median(np.asarray(targets_ms)[part])) for part in fifths]
    for marker, (name, values) in zip(cycle(_MARKERS), regrets.items(), strict=False):
        means = [float(np.mean(np.asarray(values)[part])) for part in fifths]
        axes.plot(middle_ms, means, marker=marker, label=name)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.set_ymargin(0.1)
    axes.set_xlabel("target [ms], median of each fifth of the cases")
    axes.set_ylabel("mean regret (0.01 is 1 %)")
    return _written(figure, axes, path)


def calibration_figure(
    path: Path, title: str, said: Mapping[str, tuple[Sequence[float], Sequence[bool]]]
) -> Path:
    """Draw how often what was said to be so was so; on the diagonal words are what they mean.

    Args:
        path: of the PNG.
        title: what was said.
        said: per policy, each probability that was said, and whether it was so.
    """
    figure, axes = _figure(title)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="as said")
    for marker, (name, (p, was_so)) in zip(cycle(_MARKERS), said.items(), strict=False):
        parts = np.minimum((np.asarray(p) * _N_BINS).astype(int), _N_BINS - 1)
        shown = [number for number in range(_N_BINS) if (parts == number).any()]
        x = [float(np.asarray(p)[parts == number].mean()) for number in shown]
        y = [float(np.asarray(was_so)[parts == number].mean()) for number in shown]
        axes.plot(x, y, marker=marker, label=f"{name} ({len(parts)} times)")
    axes.set_xlabel("probability that was said")
    axes.set_ylabel("share that was so")
    return _written(figure, axes, path)


def confusion_figure(path: Path, names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> Path:
    """Draw what was chosen where what was best, as counts.

    Args:
        path: of the PNG.
        names: of all that can be chosen.
        pairs: of each case, the best and the chosen.
    """
    figure, axes = _figure("What was chosen")
    counts = np.zeros((len(names), len(names)), dtype=int)
    for best, chosen in pairs:
        counts[names.index(best), names.index(chosen)] += 1
    axes.imshow(counts, cmap="Blues")
    axes.grid(visible=False)
    for (row, column), count in np.ndenumerate(counts):
        is_dark = count > 0.6 * max(int(counts.max()), 1)
        color = "white" if is_dark else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("chosen")
    axes.set_ylabel("best")
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
