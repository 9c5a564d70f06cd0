"""Latency and power over allocations, compiled from samples.

A surface is what one model did on one node at one rate: per allocation the mean over its windows.
Several jobs on a small node give one surface each, with the power of the whole node. Nodes of one
class are kept apart: they differ, and one of them may be ill.

Rows are split by time, not drawn, because neighbouring windows are alike: the last third is held
out, to judge what was learned; the sixth before it says when to stop learning; the rest is learned
from. `live_split` holds out whole nodes and models beyond that.
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
from components.node.placement import Layout, preference
from components.policy.recorded import JobKey
from models.allocator.node_classes import topology_of_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from components.node.topology import Topology

logger = logging.getLogger(__name__)
HELD_OUT_ONE_IN = 3
VALIDATION_ONE_IN = 4
"""Of what is not held out."""
RATE_BAND = 1.25
"""Ratio of offered rates that still count as the same load."""
MAX_TARGETS = 4
"""Targets kept of a surface, the latest first."""
NOISE_PRIOR = 0.005
NOISE_PRIOR_WINDOWS = 4.0
NOISE_MOST = 0.1
_KEY = [
    "node", "node_class", "image", "model", "batch_size", "target_statistic", "rate_band", "device",
]  # fmt: skip
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
    """Latency and node power of one model on one node at one rate."""

    name: str
    job: JobKey
    """Whose it is, as a search of that job will ask."""
    node_class: str
    topology: Topology
    points: tuple[Point, ...]
    """To learn from; ascending."""
    validation: tuple[Point, ...]
    """From the time after that: says when to stop learning. Empty where there is little."""
    held_out: tuple[Point, ...]
    """From the last third in time: for evaluation only."""
    targets_ms: tuple[float, ...]
    """Targets that were in force, the latest first."""
    noise: float
    """sigma of the log latency from one window of an allocation to the next."""
    latest_s: float = 0.0
    """Start of the last window, held out or not; seconds since the epoch."""
    learned_rows: frozenset[str] = frozenset()
    """`row_id` of the samples behind `points`."""
    validation_rows: frozenset[str] = frozenset()
    """`row_id` of the samples behind `validation`."""
    held_out_rows: frozenset[str] = frozenset()
    """`row_id` of the samples behind `held_out`."""

    @property
    def node(self) -> str:
        """Where it was recorded."""
        return self.job.node

    @property
    def model(self) -> str:
        """What ran; the image where no model was named."""
        return self.job.model or self.job.image

    @property
    def every_point(self) -> tuple[Point, ...]:
        """All that was recorded, whatever it is for; ascending."""
        return merge_points((*self.points, *self.validation, *self.held_out))


def merge_points(points: Sequence[Point]) -> tuple[Point, ...]:
    """Average points of the same allocation, each by its weight; ascending."""
    by_candidate: dict[Candidate, list[Point]] = {}
    for point in points:
        by_candidate.setdefault(point.candidate, []).append(point)
    return tuple(_merged(same) for _, same in sorted(by_candidate.items()))


def overlapping_rows(surfaces: Sequence[Surface]) -> frozenset[str]:
    """Samples that would be both learned from and judged on; there should be none."""
    learned = {
        row for surface in surfaces for row in (*surface.learned_rows, *surface.validation_rows)
    }
    judged = {row for surface in surfaces for row in surface.held_out_rows}
    return frozenset(learned & judged)


def compile_surfaces(
    frame: pd.DataFrame, topologies: Mapping[str, Topology] | None = None
) -> tuple[Surface, ...]:
    """Average the lake's samples to surfaces by node, image, model, batch and rate band.

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
        node_class = str(key[1])
        try:
            topology = (topologies or {}).get(node_class) or topology_of_class(node_class)
        except TopologyError as error:
            logger.warning("%d samples teach nothing: %s", len(group), error)
            continue
        surfaces.append(_compile(key, topology, group))
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


def _compile(key: tuple[object, ...], topology: Topology, group: pd.DataFrame) -> Surface:
    rows = group[group["n_cpus"] <= topology.n_logical].sort_values("window_start")
    known = _Canonical(topology)
    keys = rows[["n_cpus", "layout"]].itertuples(index=False, name=None)
    rows = rows.assign(candidate=[known.of(int(n), Layout(text)) for n, text in keys])
    part = _parts(rows["window_start"])
    targets = dict.fromkeys(float(t) for t in reversed(rows["target_ms"].to_list()))
    learned, validation, held_out = (rows[part == number] for number in range(3))
    return Surface(
        name=_name(key),
        job=JobKey(str(key[0]), str(key[2]), str(key[3]), int(str(key[4])), str(key[5])),
        node_class=str(key[1]),
        topology=topology,
        points=_points(learned),
        validation=_points(validation),
        held_out=_points(held_out),
        targets_ms=tuple(targets)[:MAX_TARGETS],
        noise=_noise(learned),
        latest_s=rows["window_start"].max().timestamp(),
        learned_rows=frozenset(learned["row_id"]),
        validation_rows=frozenset(validation["row_id"]),
        held_out_rows=frozenset(held_out["row_id"]),
    )


def _parts(starts: pd.Series) -> NDArray[np.int64]:
    """Say of rows in order of time what they are for: 0 learned, 1 validation, 2 held out.

    Windows that began together stay together, and the first is always learned from.
    """
    n_kept = len(starts) - len(starts) // HELD_OUT_ONE_IN
    n_learned = n_kept - n_kept // VALIDATION_ONE_IN
    part = np.zeros(len(starts), dtype=np.int64)
    for number, first in ((1, n_learned), (2, n_kept)):
        if 0 < first < len(starts):
            part[(starts >= starts.iloc[first]).to_numpy()] = number
    return part


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


class _Canonical:
    """The candidate that searches know some CPUs by: the first of the layouts that agree."""

    def __init__(self, topology: Topology) -> None:
        self._orders = {layout: preference(topology, layout) for layout in Layout}
        self._known: dict[tuple[int, Layout], Candidate] = {}

    def of(self, n_cpus: int, layout: Layout) -> Candidate:
        """Find it; looked up once per number and layout."""
        if (n_cpus, layout) not in self._known:
            cpus = frozenset(self._orders[layout][:n_cpus])
            first = next(at for at in Layout if frozenset(self._orders[at][:n_cpus]) == cpus)
            self._known[n_cpus, layout] = Candidate(n_cpus, first)
        return self._known[n_cpus, layout]


def _merged(same: Sequence[Point]) -> Point:
    weights = [point.weight for point in same]
    latency = np.average([np.log(point.latency_ms) for point in same], weights=weights)
    power = np.average([np.log(point.power_w) for point in same], weights=weights)
    return Point(
        same[0].candidate,
        float(np.exp(latency)),
        float(np.exp(power)),
        sum(point.n_windows for point in same),
        float(sum(weights)),
    )


def _name(key: tuple[object, ...]) -> str:
    node, node_class, image, model, batch_size, statistic, band, device = key
    rate = RATE_BAND ** float(str(band))
    load = "unknown rate" if float(str(band)) == -999.0 else f"{rate:.3g}/s"
    on = "" if device == "cpu" else f" on {device}"
    return f"{node} ({node_class}) {model or image}{on} batch {batch_size} {statistic} {load}"
