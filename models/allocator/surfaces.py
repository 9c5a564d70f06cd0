"""Latency and power over allocations, compiled from samples.

A surface is what one model did on one node class at one rate: per allocation the mean over its
windows. Several jobs on a small node give one surface each, with the power of the whole node. The
last third in time is held out: it may judge what was learned from the rest, and is never learned
from. Rows are split by time, not drawn, because neighbouring windows are alike.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from components.jobs.candidate import Candidate
from components.jobs.target import Statistic
from components.node.errors import TopologyError
from components.node.placement import Layout, distinct_layouts, preference
from models.allocator.node_classes import topology_of_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.node.topology import Topology

logger = logging.getLogger(__name__)
HELD_OUT_ONE_IN = 3
RATE_BAND = 1.25
"""Ratio of offered rates that still count as the same load."""
MAX_TARGETS = 4
"""Targets kept of a surface, the latest first."""
NOISE_PRIOR = 0.005
NOISE_PRIOR_WINDOWS = 4.0
NOISE_MOST = 0.1
_KEY = ["node_class", "image", "model", "batch_size", "target_statistic", "rate_band"]
_LATENCY_COLUMN = {statistic.value: f"latency_{statistic.value}_ms" for statistic in Statistic}


@dataclass(frozen=True, slots=True)
class Point:
    """One allocation of a surface: the mean over its windows."""

    candidate: Candidate
    latency_ms: float
    """Geometric mean of the statistic that the target speaks of."""
    power_w: float
    """Geometric mean of the whole node's power."""
    n_windows: int
    weight: float
    """Sum over its windows; one that was contended counts less."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Latency and node power of one model on one node class at one rate."""

    name: str
    node_class: str
    topology: Topology
    points: tuple[Point, ...]
    """To learn from; ascending."""
    held_out: tuple[Point, ...]
    """From the last third in time: for evaluation only."""
    targets_ms: tuple[float, ...]
    """Targets that were in force, the latest first."""
    noise: float
    """sigma of the log latency from one window of an allocation to the next."""
    learned_rows: frozenset[str] = frozenset()
    """`row_id` of the samples behind `points`."""
    held_out_rows: frozenset[str] = frozenset()
    """`row_id` of the samples behind `held_out`."""


def overlapping_rows(surfaces: Sequence[Surface]) -> frozenset[str]:
    """Samples that would be both learned from and judged on; there should be none."""
    learned = {row for surface in surfaces for row in surface.learned_rows}
    judged = {row for surface in surfaces for row in surface.held_out_rows}
    return frozenset(learned & judged)


def compile_surfaces(
    frame: pd.DataFrame, topologies: Mapping[str, Topology] | None = None
) -> tuple[Surface, ...]:
    """Average the lake's samples to surfaces by node class, image, model, batch and rate band.

    Rows without latency, power or layout are left out, as are those of a node class whose
    topology cannot be known.

    Args:
        frame: rows of the lake's table `samples`.
        topologies: by node class; of a class not named here see `topology_of_class`.
    """
    if frame.empty:
        return ()
    rows = _usable(frame)
    surfaces = []
    for key, group in rows.groupby(_KEY, sort=True, dropna=False):
        node_class = str(key[0])
        try:
            topology = (topologies or {}).get(node_class) or topology_of_class(node_class)
        except TopologyError as error:
            logger.warning("%d samples teach nothing: %s", len(group), error)
            continue
        surfaces.append(_compile(_name(key), node_class, topology, group))
    return tuple(surface for surface in surfaces if surface.points)


def _usable(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that say something, with `latency_ms`, `power_w` and `rate_band`."""
    rows = frame.copy()
    latency = pd.Series(np.nan, index=rows.index)
    for statistic, column in _LATENCY_COLUMN.items():
        asked = rows["target_statistic"] == statistic
        latency[asked] = pd.to_numeric(rows.loc[asked, column], errors="coerce")
    rows["latency_ms"] = latency
    rows["power_w"] = pd.to_numeric(rows["node_power_w"], errors="coerce")
    rate = pd.to_numeric(rows["offered_rate_per_s"], errors="coerce")
    rows["rate_band"] = np.round(np.log(rate.where(rate > 0.0)) / np.log(RATE_BAND)).fillna(-999.0)
    layouts = {layout.value for layout in Layout}
    fine = (rows["latency_ms"] > 0.0) & (rows["power_w"] > 0.0) & rows["layout"].isin(layouts)
    return rows[fine & (rows["weight"] > 0.0)]


def _compile(name: str, node_class: str, topology: Topology, group: pd.DataFrame) -> Surface:
    rows = group[group["n_cpus"] <= topology.n_logical].sort_values("window_start")
    keys = rows[["n_cpus", "layout"]].itertuples(index=False, name=None)
    rows = rows.assign(candidate=[_canonical(topology, int(n), Layout(text)) for n, text in keys])
    n_learned = len(rows) - len(rows) // HELD_OUT_ONE_IN
    later = np.zeros(len(rows), dtype=np.bool_)
    if 0 < n_learned < len(rows):
        # windows that began together stay together
        later = (rows["window_start"] >= rows["window_start"].iloc[n_learned]).to_numpy()
    targets = dict.fromkeys(float(t) for t in reversed(rows["target_ms"].to_list()))
    return Surface(
        name=name,
        node_class=node_class,
        topology=topology,
        points=_points(rows[~later]),
        held_out=_points(rows[later]),
        targets_ms=tuple(targets)[:MAX_TARGETS],
        noise=_noise(rows[~later]),
        learned_rows=frozenset(rows.loc[~later, "row_id"]),
        held_out_rows=frozenset(rows.loc[later, "row_id"]),
    )


def _points(rows: pd.DataFrame) -> tuple[Point, ...]:
    points = []
    for candidate, windows in rows.groupby("candidate", sort=True):
        weight = windows["weight"].to_numpy(dtype=np.float64)
        latency = np.average(np.log(windows["latency_ms"].to_numpy(np.float64)), weights=weight)
        power = np.average(np.log(windows["power_w"].to_numpy(np.float64)), weights=weight)
        points.append(
            Point(
                candidate,
                float(np.exp(latency)),
                float(np.exp(power)),
                len(windows),
                float(weight.sum()),
            )
        )
    return tuple(points)


def _noise(rows: pd.DataFrame) -> float:
    """Pooled sigma within allocations; with few repeats near what is usual."""
    squares, repeats = NOISE_PRIOR_WINDOWS * NOISE_PRIOR**2, NOISE_PRIOR_WINDOWS
    for _, windows in rows.groupby("candidate"):
        logs = np.log(windows["latency_ms"].to_numpy(np.float64))
        squares += float(((logs - logs.mean()) ** 2).sum())
        repeats += len(logs) - 1
    return float(min(np.sqrt(squares / repeats), NOISE_MOST))


def _canonical(topology: Topology, n_cpus: int, layout: Layout) -> Candidate:
    """The candidate that searches know these CPUs by: the first of the layouts that agree."""
    cpus = frozenset(preference(topology, layout)[:n_cpus])
    return next(
        Candidate(n_cpus, known)
        for known in distinct_layouts(topology, n_cpus)
        if frozenset(preference(topology, known)[:n_cpus]) == cpus
    )


def _name(key: tuple[object, ...]) -> str:
    node_class, image, model, batch_size, statistic, band = key
    rate = RATE_BAND ** float(str(band))
    load = "unknown rate" if float(str(band)) == -999.0 else f"{rate:.3g}/s"
    return f"{node_class} {model or image} batch {batch_size} {statistic} {load}"
