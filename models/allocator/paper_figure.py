"""Figure 2 of the paper, drawn from a sweep: latency and power over CPU counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from models.allocator.paper import PaperRow
    from models.allocator.paper_sweep import PaperSweep

LATENCY_COLOUR = "#1f4e9c"
POWER_COLOUR = "#c0392b"
TARGET_COLOUR = "#2e7d32"
_TICKS_MS = (0.1, 0.2, 0.5, 1, 2, 4, 5, 7, 10, 15, 30, 60, 115, 250, 500, 1000)


def draw_figure_2(
    sweep: PaperSweep, row: PaperRow, path: Path, *, source: str = "simulated reference node"
) -> Path:
    """Draw latency (left axis) and power (right) with the target, what is best and what was chosen.

    Args:
        sweep: what was recorded, averaged per CPU count.
        row: the agent's choice for one target.
        path: of the PNG; its folder exists.
        source: where the sweep comes from, for the title.

    Returns:
        The path.
    """
    figure = Figure(figsize=(8.0, 4.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a display, and without pyplot's global state
    left = figure.add_subplot()
    right = left.twinx()
    lines = left.plot(
        sweep.n_cpus, sweep.latency_ms, color=LATENCY_COLOUR, label="latency per image"
    )
    lines += right.plot(
        sweep.n_cpus, sweep.power_w, color=POWER_COLOUR, linestyle="-.", label="node power"
    )
    lines.append(
        left.axhline(
            row.target_ms, color=TARGET_COLOUR, linestyle="--", label=f"target {row.target_ms:g} ms"
        )
    )
    _name_axes(left, right, sweep, row, source)
    _mark_choices(left, sweep, row)
    left.legend(handles=lines, loc="upper center", ncols=3, frameon=False)
    figure.savefig(path, format="png")
    return path


def _name_axes(left: Axes, right: Axes, sweep: PaperSweep, row: PaperRow, source: str) -> None:
    fastest, slowest = float(sweep.latency_ms.min()), float(sweep.latency_ms.max())
    ticks = [tick for tick in _TICKS_MS if fastest <= tick <= slowest]
    left.set_yscale("log")
    left.set_ylim(0.55 * min(fastest, row.target_ms), 3.0 * slowest)
    left.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    left.minorticks_off()
    left.set_xlabel("logical CPUs")
    left.set_ylabel("latency [ms per image]", color=LATENCY_COLOUR)
    right.set_ylabel("power [W]", color=POWER_COLOUR)
    right.set_ylim(0.0, 1.2 * float(sweep.power_w.max()))  # room for the legend
    left.set_title(f"Latency and power over CPU counts, target {row.target_ms:g} ms ({source})")
    left.grid(axis="y", alpha=0.25)


def _mark_choices(left: Axes, sweep: PaperSweep, row: PaperRow) -> None:
    if row.is_exact:
        _point_at(left, row.n_cpus, row.latency_ms, "chosen = best", "o", (30, 55))
        return
    if row.optimal_n_cpus is not None:
        best_ms = float(sweep.latency_ms[sweep.n_cpus == row.optimal_n_cpus][0])
        _point_at(left, row.optimal_n_cpus, best_ms, "best", "o", (30, 55))
    _point_at(left, row.n_cpus, row.latency_ms, "chosen", "x", (-150, -38))


def _point_at(
    axes: Axes, n_cpus: int, latency_ms: float, word: str, marker: str, offset: tuple[int, int]
) -> None:
    axes.plot([n_cpus], [latency_ms], marker, color="black", markersize=9, fillstyle="none")
    axes.annotate(
        f"{word}: {n_cpus} CPUs, {latency_ms:.2f} ms",
        (n_cpus, latency_ms),
        xytext=offset,
        textcoords="offset points",
        arrowprops={"arrowstyle": "->", "color": "black"},
    )
