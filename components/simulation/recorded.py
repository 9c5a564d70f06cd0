"""Jobs of a scenario that answer as a recording did, interpolated between measured counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Candidate
from components.madeup.footprint import grid_table
from components.node.placement import Layout
from components.simulation.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.madeup.footprint import Footprints, LayoutTable
    from components.node.topology import Topology

_LEAST_SHARE = 0.1
"""Of the least power recorded, what a job may draw of it where the idle power is not known."""
_MOST_USE = 0.9


@dataclass(frozen=True, slots=True)
class RecordedSurface:
    """What was measured of one job on one node."""

    name: str
    topology: Topology
    candidates: tuple[Candidate, ...]
    latency_ms: NDArray[np.float64]
    """Shape (C,): mean per image, taken as the time of one with no other waiting."""
    power_w: NDArray[np.float64]
    """Shape (C,): of the node, with the job busy."""
    idle_w: float | None = None
    """Of the node; None where nobody wrote it down."""


@dataclass(frozen=True)
class _Curve:
    """One layout: what was measured by number of CPUs, and what these CPUs amount to."""

    n_cpus: NDArray[np.float64]
    log_ms: NDArray[np.float64]
    own_w: NDArray[np.float64]
    places: NDArray[np.float64]
    """Shape (N, 3): cores, L3 groups and sockets of 1 to N CPUs in this layout."""

    def n_alike(
        self, n_cpus: NDArray[np.float64], n_cores: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """As many CPUs in this layout, or fewer where they would be on more cores; shape (R,)."""
        most = np.searchsorted(self.places[:, 0], n_cores, side="right")
        return np.minimum(n_cpus, most)


@dataclass(frozen=True)
class RecordedResponse:
    """Implements `Response`: between two measured counts latency is a power of the count.

    A set of CPUs answers as the recorded layout that is most like it; where that has more cores
    with as many CPUs, as so many of its CPUs as the set has cores. Requests wait for each other as
    in a queue of one server.
    """

    curves: tuple[_Curve, ...]
    rate_per_ms: float

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): service time stretched by waiting."""
        service, _ = self._measured(footprints)
        offered = service * self.rate_per_ms
        use = np.minimum(offered, _MOST_USE)
        overload = np.maximum(offered / _MOST_USE, 1.0)
        return np.asarray(service * (1.0 + 0.5 * use / (1.0 - use)) * overload)

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): what the job adds to an awake node, as busy as it is."""
        _, own_w = self._measured(footprints)
        return np.asarray(own_w * self.utilization(footprints))

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): offered work over capacity."""
        service, _ = self._measured(footprints)
        return np.minimum(service * self.rate_per_ms, 1.0)

    def at_load(self, factor: float) -> RecordedResponse:
        """Answer the same at `factor` times the offered rate of now."""
        return replace(self, rate_per_ms=self.rate_per_ms * factor)

    def _measured(self, footprints: Footprints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Service time and own power, each of shape (R,)."""
        n_cpus = footprints.n_cpus
        here = np.stack([footprints.n_physical, footprints.n_l3, footprints.n_sockets], axis=1)
        alike = [curve.n_alike(n_cpus, footprints.n_physical) for curve in self.curves]
        unlike = [
            np.abs(here - curve.places[n.astype(np.intp) - 1]).sum(axis=1) + n_cpus - n
            for curve, n in zip(self.curves, alike, strict=True)
        ]
        which = np.argmin(np.stack(unlike), axis=0)
        log_ms, own_w = np.empty(len(n_cpus)), np.empty(len(n_cpus))
        for number, curve in enumerate(self.curves):
            mine = which == number
            n = alike[number][mine]
            log_ms[mine] = np.interp(np.log(n), np.log(curve.n_cpus), curve.log_ms)
            own_w[mine] = np.interp(n, curve.n_cpus, curve.own_w)
        return np.exp(log_ms), own_w


def recorded_table(surfaces: Sequence[RecordedSurface]) -> LayoutTable:
    """The node of the recordings.

    Raises:
        ScenarioError: they are of several kinds of nodes, or of one that is no even grid.
    """
    shapes = {_shape(surface.topology) for surface in surfaces}
    if len(shapes) != 1:
        raise ScenarioError(
            "asked for jobs that answer as recorded",
            f"the recordings are of nodes with (sockets, L3 groups, cores, CPUs) {sorted(shapes)}",
            "give a folder of recordings of one kind of node",
        )
    sockets, groups, cores, cpus = shapes.pop()
    if groups % sockets or cores % groups or cpus % cores:
        raise ScenarioError(
            "asked for jobs that answer as recorded",
            f"{cpus} CPUs, {cores} cores, {groups} L3 groups and {sockets} sockets are no grid",
            "give recordings of a node whose sockets are alike",
        )
    return grid_table(
        sockets=sockets,
        l3_per_socket=groups // sockets,
        cores_per_l3=cores // groups,
        threads_per_core=cpus // cores,
    )


def response_of(surface: RecordedSurface, table: LayoutTable) -> RecordedResponse:
    """The job of a recording on its node, busy half of the time on the CPUs of the middle."""
    base_w = surface.idle_w
    if base_w is None:
        base_w = (1.0 - _LEAST_SHARE) * float(surface.power_w.min())
    curves = []
    for layout in Layout:
        rows = [at for at, c in enumerate(surface.candidates) if c.layout is layout]
        if rows:
            curves.append(_curve(surface, rows, layout, table, base_w))
    middle = float(np.exp(np.median(curves[0].log_ms)))
    return RecordedResponse(tuple(curves), 0.5 / middle)


def _curve(
    surface: RecordedSurface, rows: list[int], layout: Layout, table: LayoutTable, base_w: float
) -> _Curve:
    counts = [surface.candidates[at].n_cpus for at in rows]
    rows = [rows[at] for at in np.argsort(counts)]
    every = table.of([Candidate(n, layout) for n in range(1, table.topology.n_logical + 1)])
    least_w = _LEAST_SHARE * float(surface.power_w.min()) / table.topology.n_logical
    return _Curve(
        np.sort(np.asarray(counts, dtype=np.float64)),
        np.log(surface.latency_ms[rows]),
        np.maximum(surface.power_w[rows] - base_w, least_w),
        np.stack([every.n_physical, every.n_l3, every.n_sockets], axis=1),
    )


def _shape(topology: Topology) -> tuple[int, int, int, int]:
    return topology.n_sockets, topology.n_l3_groups, topology.n_physical, topology.n_logical
