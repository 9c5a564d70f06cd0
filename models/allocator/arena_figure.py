"""Figures of a benchmark: regret against probes, and what was missed on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.allocator.arena_table import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from models.allocator.arena import Case, Result
    from models.allocator.arena_benchmark import Bout

MOST_PROBES = 20
_LEAST_REGRET = 1e-4
_MANY_MISSES = 0.01
_OURS = "ours"
_OUR_COLOURS = ("#c0392b", "#e67e22", "#f1c40f", "#6c1f6c")


def regret_curve(cases: Sequence[Case], results: Sequence[Result]) -> NDArray[np.float64]:
    """Mean regret of the cheapest candidate that truly keeps the target, of the first k probed.

    Before there is one, that of all CPUs counts. Cases in which nothing keeps the target are left
    out.

    Args:
        cases: N cases.
        results: of one contender, in their order.

    Returns:
        Shape (MOST_PROBES + 1,), from no probe on.
    """
    curves = [
        _curve(case, result)
        for case, result in zip(cases, results, strict=True)
        if case.feasible.any()
    ]
    return np.asarray(np.mean(curves, axis=0)) if curves else np.zeros(MOST_PROBES + 1)


def _curve(case: Case, result: Result) -> NDArray[np.float64]:
    power_w = np.where(case.feasible, case.power_w, np.inf)
    probed = [case.candidates.index(candidate) for candidate in result.probed[:MOST_PROBES]]
    seen = np.minimum.accumulate([np.inf, *power_w[probed]])
    seen = np.pad(seen, (0, MOST_PROBES + 1 - len(seen)), mode="edge")
    widest_w = case.power_w[-1]
    kept_w = np.where(np.isfinite(seen), seen, widest_w)
    return np.asarray(kept_w / case.power_w[case.best] - 1.0)


def draw_regret(bouts: Sequence[Bout], path: Path) -> Path:
    """Draw regret over probes, a panel a bout; dots: where contenders ended, on average.

    A dot is hollow where more than one target in a hundred was missed: that is cheap.

    Args:
        bouts: of one noise.
        path: of the PNG; its folder exists.

    Returns:
        The path.
    """
    figure = _figure(len(bouts), height=4.6)
    axes = figure.subplots(1, len(bouts), sharey=True, squeeze=False)[0]
    for panel, bout in zip(axes, bouts, strict=True):
        _draw_curves(panel, bout)
    axes[0].set_ylabel("regret in node power")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    figure.savefig(path, format="png")
    return path


def draw_misses(bouts: Sequence[Bout], path: Path) -> Path:
    """Draw targets missed and unsafe probes of every contender, a row of panels each.

    Args:
        bouts: of one noise.
        path: of the PNG; its folder exists.

    Returns:
        The path.
    """
    figure = _figure(len(bouts), height=8.0)
    axes = figure.subplots(2, len(bouts), sharey=True, squeeze=False)
    for column, bout in enumerate(bouts):
        summaries = summarise(bout.results)[::-1]
        names = [summary.contender for summary in summaries]
        colours = [_colour(name, i) for i, name in enumerate(names)]
        missed = [100.0 * summary.violation_share for summary in summaries]
        axes[0][column].barh(names, missed, color=colours)
        axes[0][column].set(title=_title(bout), xlabel="targets missed [%]")
        unsafe = [summary.unsafe_probes_mean for summary in summaries]
        axes[1][column].barh(names, unsafe, color=colours)
        axes[1][column].set_xlabel("unsafe probes a search")
    figure.savefig(path, format="png")
    return path


def _figure(n_panels: int, height: float) -> Figure:
    figure = Figure(figsize=(4.2 * n_panels + 1.6, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a display, and without pyplot's global state
    return figure


def _draw_curves(panel: Axes, bout: Bout) -> None:
    for number, summary in enumerate(summarise(bout.results)):
        of = [result for result in bout.results if result.contender == summary.contender]
        if summary.probes_mean == 0.0:
            continue
        last = min(int(np.ceil(summary.probes_mean)), MOST_PROBES)
        regret = np.maximum(regret_curve(bout.cases, of)[1 : last + 1], _LEAST_REGRET)
        is_ours = summary.contender.startswith(_OURS)
        panel.plot(
            np.arange(1, last + 1),
            regret,
            color=_colour(summary.contender, number),
            linewidth=2.4 if is_ours else 1.0,
            zorder=3 if is_ours else 2,
            label=summary.contender,
        )
        end = (min(summary.probes_mean, MOST_PROBES), max(summary.regret_mean, _LEAST_REGRET))
        fill = "none" if summary.violation_share > _MANY_MISSES else "full"
        panel.plot(*end, "o", color=_colour(summary.contender, number), fillstyle=fill, zorder=4)
    panel.set_yscale("log")
    panel.set_xlim(0.5, MOST_PROBES)
    panel.set_xticks(range(1, MOST_PROBES, 2))
    panel.set(title=_title(bout), xlabel="probes")
    panel.yaxis.set_major_formatter(lambda share, _position: f"{100.0 * share:g} %")
    panel.grid(alpha=0.25)


def _title(bout: Bout) -> str:
    return f"{bout.family}, {len(bout.cases)} nodes, noise {bout.noise:.2%}"


def _colour(name: str, number: int) -> str | tuple[float, float, float, float]:
    if name.startswith(_OURS):
        return _OUR_COLOURS[number % len(_OUR_COLOURS)]
    return colormaps["tab20"](number % 20)
