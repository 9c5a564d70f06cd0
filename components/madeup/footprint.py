"""What a set of CPUs occupies of a node: all that a made-up response may depend on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.errors import MadeUpError
from components.node.placement import Layout, preference
from components.node.topology import grid_topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology

_LAYOUT_ROW = {layout: row for row, layout in enumerate(Layout)}


@dataclass(frozen=True)
class Footprints:
    """R sets of CPUs on one node, as counts.

    A core counts as in use when any of its threads is in the set; further threads of it are
    siblings. Core identity below the L3 group does not matter.
    """

    n_cpus: NDArray[np.float64]
    """Shape (R,): logical CPUs of each set."""
    cores_per_l3: NDArray[np.float64]
    """Shape (R, G): cores in use of each L3 group."""
    l3_socket: NDArray[np.intp]
    """Shape (G,): socket of each L3 group."""

    @cached_property
    def n_physical(self) -> NDArray[np.float64]:
        """Shape (R,): cores in use."""
        return np.asarray(self.cores_per_l3.sum(axis=1))

    @cached_property
    def n_siblings(self) -> NDArray[np.float64]:
        """Shape (R,): CPUs beyond the first of each core."""
        return np.asarray(self.n_cpus - self.n_physical)

    @cached_property
    def cores_per_socket(self) -> NDArray[np.float64]:
        """Shape (R, S): cores in use of each socket."""
        socket_of = np.eye(int(self.l3_socket.max()) + 1)[self.l3_socket]
        return np.asarray(self.cores_per_l3 @ socket_of)

    @cached_property
    def n_l3(self) -> NDArray[np.float64]:
        """Shape (R,): L3 groups in use."""
        return np.asarray((self.cores_per_l3 > 0).sum(axis=1), dtype=np.float64)

    @cached_property
    def n_sockets(self) -> NDArray[np.float64]:
        """Shape (R,): sockets in use."""
        return np.asarray((self.cores_per_socket > 0).sum(axis=1), dtype=np.float64)

    @cached_property
    def remote_cores(self) -> NDArray[np.float64]:
        """Shape (R,): cores in use outside the socket that has most of them."""
        return np.asarray(self.n_physical - self.cores_per_socket.max(axis=1))

    def take(self, rows: NDArray[np.intp]) -> Footprints:
        """Pick rows."""
        return Footprints(self.n_cpus[rows], self.cores_per_l3[rows], self.l3_socket)

    def first(self, limit: int) -> Footprints:
        """Shrink every set to at most `limit` CPUs, as work fills it.

        Cores come before siblings; the fullest socket comes first, then L3 groups in order.
        """
        fullness = self.cores_per_socket[:, self.l3_socket]
        order = np.lexsort((np.broadcast_to(self.l3_socket, fullness.shape), -fullness), axis=1)
        filled = np.minimum(np.cumsum(np.take_along_axis(self.cores_per_l3, order, 1), 1), limit)
        kept = np.empty_like(filled)
        np.put_along_axis(kept, order, np.diff(filled, axis=1, prepend=0.0), axis=1)
        return Footprints(np.minimum(self.n_cpus, limit), kept, self.l3_socket)


def footprints_of(topology: Topology, sets: Sequence[CpuSet]) -> Footprints:
    """Count what each set of CPU ids occupies.

    Raises:
        MadeUpError: a set is empty or names a CPU that the topology has not.
    """
    column = {cpu.id: position for position, cpu in enumerate(topology.cpus)}
    used = np.zeros((len(sets), topology.n_logical))
    for row, cpus in enumerate(sets):
        if not cpus or not topology.ids.issuperset(cpus):
            raise MadeUpError(
                f"asked for the footprint of CPUs {sorted(cpus)}",
                f"the made-up node has {topology.n_logical} CPUs",
                "name at least one CPU, and only CPUs of the node",
            )
        used[row, [column[cpu] for cpu in cpus]] = 1.0
    cores = sorted({cpu.core for cpu in topology.cpus})
    core_column = {core: position for position, core in enumerate(cores)}
    groups = sorted({(cpu.l3, cpu.socket) for cpu in topology.cpus})
    group_column = {l3: position for position, (l3, _) in enumerate(groups)}
    core_of = np.zeros((topology.n_logical, len(cores)))
    group_of = np.zeros((len(cores), len(groups)))
    for position, cpu in enumerate(topology.cpus):
        core_of[position, core_column[cpu.core]] = 1.0
        group_of[core_column[cpu.core], group_column[cpu.l3]] = 1.0
    core_used = np.minimum(used @ core_of, 1.0)
    sockets = sorted({socket for _, socket in groups})
    l3_socket = np.asarray([sockets.index(socket) for _, socket in groups], dtype=np.intp)
    return Footprints(used.sum(axis=1), core_used @ group_of, l3_socket)


@dataclass(frozen=True)
class LayoutTable:
    """Footprints of every candidate of an untouched node."""

    topology: Topology
    footprints: Footprints
    """Row: layout in the order of `Layout`, then CPUs from 1."""

    def of(self, candidates: Sequence[Candidate]) -> Footprints:
        """Pick the footprints of some candidates.

        Raises:
            MadeUpError: a candidate has more CPUs than the node.
        """
        n_logical = self.topology.n_logical
        rows = [_LAYOUT_ROW[c.layout] * n_logical + c.n_cpus - 1 for c in candidates]
        largest = max((c.n_cpus for c in candidates), default=0)
        if largest > n_logical:
            raise MadeUpError(
                f"asked for {largest} CPUs", f"the made-up node has {n_logical}", "ask for fewer"
            )
        return self.footprints.take(np.asarray(rows, dtype=np.intp))


def layout_table(topology: Topology) -> LayoutTable:
    """Count what every number of CPUs occupies in every layout."""
    sets: list[CpuSet] = []
    for layout in Layout:
        order = preference(topology, layout)
        sets.extend(frozenset(order[: n + 1]) for n in range(len(order)))
    return LayoutTable(topology, footprints_of(topology, sets))


@lru_cache(maxsize=512)
def grid_table(
    *, sockets: int, l3_per_socket: int, cores_per_l3: int, threads_per_core: int
) -> LayoutTable:
    """Lay out a regular node once and share it between all surfaces drawn on it."""
    return layout_table(
        grid_topology(
            sockets=sockets,
            l3_per_socket=l3_per_socket,
            cores_per_l3=cores_per_l3,
            threads_per_core=threads_per_core,
        )
    )
