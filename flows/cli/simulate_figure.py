"""The figure of a simulated scenario: power over time, and which targets were missed when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from components.simulation.deferred import SLOT_S
from components.simulation.score import ALL_CPUS, ORACLE, OURS, best_other

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from components.simulation.deferred import Day, DayOutcome
    from components.simulation.play import Record
    from components.simulation.run import Outcome

COLOURS = {ALL_CPUS: "#999999", ORACLE: "#2a9d3a", OURS: "#c1272d"}
OTHER = "#3465a4"
_MOST_RATIO = 2.0


def draw_outcome(outcome: Outcome, path: Path) -> Path:
    """Draw one outcome.

    Args:
        outcome: of a scenario and seed.
        path: of the PNG; its folder exists.

    Returns:
        The path.
    """
    records = {record.contender: record for record in outcome.records}
    other = best_other(outcome.scores).contender
    figure = Figure(figsize=(10, 8), layout="constrained")
    FigureCanvasAgg(figure)
    power, latency, cpus = figure.subplots(3, 1, sharex=True)
    for name in dict.fromkeys((ALL_CPUS, other, ORACLE, OURS)):
        record = records[name]
        colour = COLOURS.get(name, OTHER)
        power.plot(_minutes(record), record.power_w, color=colour, label=name, linewidth=1.3)
    power.set_ylabel("node power [W]")
    power.set_ylim(bottom=0)
    power.legend(fontsize=8, frameon=False, ncols=4)
    ours = records[OURS]
    _draw_jobs(latency, ours, np.minimum(ours.latency, _MOST_RATIO))
    rows, columns = np.nonzero(ours.missed)
    latency.plot(
        _minutes(ours)[rows],
        np.minimum(ours.latency[rows, columns], _MOST_RATIO),
        "x",
        color="black",
        markersize=5,
        label="missed",
    )
    latency.axhline(1.0, color="black", linewidth=0.8)
    latency.set_ylabel(f"{OURS}: latency over target")
    latency.set_ylim(0, _MOST_RATIO * 1.02)
    _draw_jobs(cpus, ours, ours.n_cpus)
    cpus.set_ylabel(f"{OURS}: CPUs")
    cpus.set_yscale("log", base=2)
    cpus.set_xlabel("minutes")
    cpus.legend(fontsize=7, frameon=False, ncols=8)
    figure.suptitle(f"{outcome.scenario}, seed {outcome.seed} (simulated)", fontsize=11)
    figure.savefig(path, format="png", dpi=100)
    return path


def draw_day_figure(day: Day, ways: Sequence[DayOutcome], path: Path) -> Path:
    """Draw a day of deferrable work: carbon intensity, and what each job had, a panel a way.

    Args:
        day: what was true.
        ways: how its work was run.
        path: of the PNG; its folder exists.

    Returns:
        The path.
    """
    hours = np.arange(len(day.free_cpus)) * SLOT_S / 3600.0
    figure = Figure(figsize=(10, 2.2 + 2.4 * len(ways)), layout="constrained")
    FigureCanvasAgg(figure)
    carbon, *panels = figure.subplots(1 + len(ways), 1, sharex=True)
    carbon.plot(hours, [day.carbon.at(h * 3600.0) for h in hours], color="black")
    carbon.set_ylabel("gCO2e per kWh")
    carbon.set_ylim(bottom=0)
    for panel, way in zip(panels, ways, strict=True):
        for job, counts in way.n_cpus.items():
            panel.step(hours, counts, where="post", label=job)
        for work in day.works:
            panel.axvline(work.until_s / 3600.0, color="#999999", linestyle=":", linewidth=0.8)
        panel.set_ylabel(f"{way.name}: CPUs")
        panel.set_title(f"{way.carbon_g:.0f} gCO2e", fontsize=9, loc="right")
        panel.legend(fontsize=8, frameon=False)
    panels[-1].set_xlabel("hours; dotted: deadlines")
    figure.savefig(path, format="png", dpi=100)
    return path


def _minutes(record: Record) -> NDArray[np.float64]:
    return np.arange(len(record.power_w), dtype=np.float64) * record.step_s / 60.0


def _draw_jobs(axes: Axes, record: Record, values: NDArray[np.float64]) -> None:
    for column, job in enumerate(record.jobs):
        axes.step(_minutes(record), values[:, column], where="post", linewidth=0.9, label=job)
