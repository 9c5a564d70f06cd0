"""Sockets, NUMA nodes, L3 groups, cores and SMT siblings of a node."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from components.node.cpuset import CpuSet, parse_cpu_list
from components.node.errors import TopologyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cpu:
    """One logical CPU and where it sits; every id is unique on the node."""

    id: int
    core: int
    socket: int
    numa_node: int
    l3: int
    thread: int
    """0 for the first thread of its core, 1 for its SMT sibling, and so on."""


@dataclass(frozen=True)
class Topology:
    """All logical CPUs of a node that are online, ascending by id."""

    cpus: tuple[Cpu, ...]

    def __post_init__(self) -> None:
        if not self.cpus:
            raise TopologyError(
                "asked for a topology", "it has no CPU", "give the root of a sysfs with CPUs online"
            )
        ids = [cpu.id for cpu in self.cpus]
        if ids != sorted(set(ids)):
            raise TopologyError(
                "asked for a topology",
                f"its CPU ids {ids} do not ascend",
                "name every CPU once, in order",
            )

    def __hash__(self) -> int:
        """Quick after the first time: results are cached by it every tick."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.cpus)

    @cached_property
    def by_id(self) -> dict[int, Cpu]:
        """CPU of an id."""
        return {cpu.id: cpu for cpu in self.cpus}

    @cached_property
    def ids(self) -> CpuSet:
        """Ids of all CPUs."""
        return frozenset(self.by_id)

    @cached_property
    def n_logical(self) -> int:
        """Number of logical CPUs."""
        return len(self.cpus)

    @cached_property
    def n_physical(self) -> int:
        """Number of physical cores."""
        return len({cpu.core for cpu in self.cpus})

    @cached_property
    def n_sockets(self) -> int:
        """Number of sockets."""
        return len({cpu.socket for cpu in self.cpus})

    @cached_property
    def n_l3_groups(self) -> int:
        """Number of groups of CPUs that share an L3 cache."""
        return len({cpu.l3 for cpu in self.cpus})

    @cached_property
    def digest(self) -> str:
        """Short SHA-256 over every CPU and its place."""
        rows = ";".join(
            f"{c.id},{c.core},{c.socket},{c.numa_node},{c.l3},{c.thread}" for c in self.cpus
        )
        return hashlib.sha256(rows.encode()).hexdigest()[:12]


def grid_topology(
    *, sockets: int, l3_per_socket: int, cores_per_l3: int, threads_per_core: int
) -> Topology:
    """Lay out a regular node, numbered as Linux does: first threads of all cores, then siblings."""
    n_cores = sockets * l3_per_socket * cores_per_l3
    cpus = []
    for thread in range(threads_per_core):
        for core in range(n_cores):
            l3 = core // cores_per_l3
            socket = l3 // l3_per_socket
            cpus.append(Cpu(thread * n_cores + core, core, socket, socket, l3, thread))
    return Topology(tuple(cpus))


def read_topology(sysfs: Path) -> Topology:
    """Read the CPUs that are online from sysfs (`/sys`, or a made-up root).

    Without L3 information (some virtual machines) a socket counts as one L3 group; without NUMA
    information the node is one NUMA node. Cores are numbered apart over sockets.

    Raises:
        TopologyError: a file that every Linux has is missing or unreadable.
        CpuListError: a file that lists CPUs holds something else.
    """
    base = sysfs / "devices/system/cpu"
    online = sorted(read_online(sysfs))
    numa = dict(_numa_nodes(sysfs / "devices/system/node"))
    core_number: dict[tuple[int, ...], int] = {}
    l3_number: dict[tuple[int, ...], int] = {}
    cpus = []
    for cpu in online:
        folder = base / f"cpu{cpu}"
        socket = max(_number(folder / "topology/physical_package_id"), 0)
        siblings = parse_cpu_list(_read(folder / "topology/thread_siblings_list"))
        threads = sorted(siblings & set(online) | {cpu})
        core = core_number.setdefault(tuple(threads), len(core_number))
        l3_cpus = _l3_cpus(folder / "cache")
        l3_key = (0, *sorted(l3_cpus)) if l3_cpus else (1, socket)
        l3 = l3_number.setdefault(l3_key, len(l3_number))
        cpus.append(Cpu(cpu, core, socket, numa.get(cpu, 0), l3, threads.index(cpu)))
    return Topology(tuple(cpus))


def read_online(sysfs: Path) -> CpuSet:
    """Read which CPUs are online now; they may come and go.

    Raises:
        TopologyError: the file that every Linux has is missing or unreadable.
        CpuListError: it is no CPU list.
    """
    return parse_cpu_list(_read(sysfs / "devices/system/cpu/online"))


def _l3_cpus(cache: Path) -> CpuSet:
    for index in sorted(cache.glob("index*")):
        if _read(index / "level") == "3":
            return parse_cpu_list(_read(index / "shared_cpu_list"))
    return frozenset()


def _numa_nodes(folder: Path) -> Iterator[tuple[int, int]]:
    for node in sorted(folder.glob("node[0-9]*")):
        for cpu in parse_cpu_list(_read(node / "cpulist")):
            yield cpu, int(node.name.removeprefix("node"))


def _number(path: Path) -> int:
    text = _read(path)
    try:
        return int(text)
    except ValueError as error:
        raise TopologyError(
            f"asked for {path}", f"{text!r} is no number", "check the sysfs root"
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise TopologyError(
            f"asked for {path}", f"reading it failed: {error}", "check the sysfs root"
        ) from error
