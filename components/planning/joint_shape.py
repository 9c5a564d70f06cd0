"""How many cores, L3 groups and sockets a candidate takes of an empty node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout, preference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology


@dataclass(frozen=True, slots=True)
class Shapes:
    """Counts of some candidates, each of shape (C,)."""

    n_cpus: NDArray[np.intp]
    cores: NDArray[np.intp]
    groups: NDArray[np.intp]
    sockets: NDArray[np.intp]


def shapes_of(topology: Topology, candidates: Sequence[Candidate]) -> Shapes:
    """Count what candidates take."""
    tables = _tables(_ByDigest(topology))
    rows = [tables[c.layout][c.n_cpus - 1] for c in candidates]
    columns = np.asarray(rows, dtype=np.intp).reshape(-1, 3).T
    n_cpus = np.asarray([c.n_cpus for c in candidates], dtype=np.intp)
    return Shapes(n_cpus, *columns)


@dataclass(frozen=True, slots=True)
class Core:
    """One core, as far as it may be given away."""

    id: int
    l3: int
    socket: int
    cpus: tuple[int, ...]
    """Its usable CPUs, the first thread first."""


@lru_cache(maxsize=16)
def usable_cores(topology: Topology, taken: CpuSet) -> tuple[Core, ...]:
    """Cores nobody else has a CPU of, those with all their threads first.

    A core whose second thread only is taken (as the reserve is) still counts, for its first.
    """
    threads: dict[int, list[int]] = {}
    for cpu in topology.cpus:
        threads.setdefault(cpu.core, []).append(cpu.id)
    cores = []
    for core, ids in threads.items():
        ordered = sorted(ids, key=lambda cpu: topology.by_id[cpu].thread)
        free = tuple(cpu for cpu in ordered if cpu not in taken)
        if free and free[0] == ordered[0]:
            place = topology.by_id[ordered[0]]
            cores.append(Core(core, place.l3, place.socket, free))
    return tuple(sorted(cores, key=lambda c: (c.socket, c.l3, -len(c.cpus), c.id)))


def distinct(cpus: CpuSet, topology: Topology) -> tuple[frozenset[int], frozenset[int]]:
    """L3 groups and sockets that a set of CPUs keeps awake."""
    members = [topology.by_id[cpu] for cpu in cpus if cpu in topology.by_id]
    return frozenset(c.l3 for c in members), frozenset(c.socket for c in members)


class _ByDigest:
    """A topology as a key: comparing digests is much cheaper than comparing CPUs."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByDigest) and other.topology.digest == self.topology.digest

    def __hash__(self) -> int:
        return hash(self.topology.digest)


@lru_cache(maxsize=32)
def _tables(key: _ByDigest) -> Mapping[Layout, tuple[tuple[int, int, int], ...]]:
    return {layout: _rows(key.topology, layout) for layout in Layout}


def _rows(topology: Topology, layout: Layout) -> tuple[tuple[int, int, int], ...]:
    cores: set[int] = set()
    groups: set[int] = set()
    sockets: set[int] = set()
    rows = []
    for cpu in preference(topology, layout):
        place = topology.by_id[cpu]
        cores.add(place.core)
        groups.add(place.l3)
        sockets.add(place.socket)
        rows.append((len(cores), len(groups), len(sockets)))
    return tuple(rows)
