"""Which CPUs to take when a job gets n of them."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from components.node.errors import PlacementError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from components.node.cpuset import CpuSet
    from components.node.topology import Cpu, Topology


class Layout(StrEnum):
    """How n CPUs are chosen."""

    COMPACT = "compact"
    """Fill an L3 group, then the socket; physical cores of the whole node before SMT siblings."""
    SPREAD = "spread"
    """Deal over sockets, then over L3 groups; physical cores before SMT siblings."""
    SMT = "smt"
    """Fill an L3 group, then the socket; every core with its siblings."""


def preference(topology: Topology, layout: Layout) -> tuple[int, ...]:
    """Order all CPUs of an empty node by how early a layout takes them."""
    keys: dict[Layout, Callable[[Cpu], tuple[int, ...]]] = {
        Layout.COMPACT: lambda c: (c.thread, c.socket, c.l3, c.core),
        Layout.SPREAD: _spread_key(topology),
        Layout.SMT: lambda c: (c.socket, c.l3, c.core, c.thread),
    }
    key = keys[layout]
    return tuple(cpu.id for cpu in sorted(topology.cpus, key=key))


def place(
    topology: Topology,
    n_cpus: int,
    layout: Layout,
    *,
    taken: CpuSet = frozenset(),
    current: CpuSet = frozenset(),
) -> CpuSet:
    """Choose n CPUs in a layout around those taken by others.

    CPUs in `current` are kept (or given up last) where that costs the layout nothing: on an
    untouched node the result is the first n of `preference`; grown sets contain the old set and
    shrunk sets lie within it whenever the old set was made by the same layout around the same
    taken CPUs.

    Raises:
        PlacementError: fewer than n CPUs are free, or n is below 1.
    """
    free = [cpu for cpu in preference(topology, layout) if cpu not in taken]
    if not 1 <= n_cpus <= len(free):
        raise PlacementError(
            f"asked for {n_cpus} CPUs",
            f"{len(free)} of {topology.n_logical} are free",
            "ask for at least 1 and at most the free ones, or free some",
        )
    chosen = frozenset(free[:n_cpus])
    kept = [cpu for cpu in free if cpu in current]
    filled = [*kept, *(cpu for cpu in free if cpu not in current)]
    moved_least = frozenset(filled[:n_cpus])
    return moved_least if _fill(topology, moved_least) == _fill(topology, chosen) else chosen


def layout_of(topology: Topology, cpus: CpuSet, *, taken: CpuSet = frozenset()) -> Layout | None:
    """The first layout that would choose, or keep, just these CPUs around those taken by others."""
    if not cpus or cpus & taken or not cpus <= topology.ids:
        return None
    for layout in Layout:
        if place(topology, len(cpus), layout, taken=taken, current=cpus) == cpus:
            return layout
    return None


def distinct_layouts(topology: Topology, n_cpus: int) -> tuple[Layout, ...]:
    """Layouts that give different CPUs for n on an empty node, the first of equals kept."""
    seen: dict[CpuSet, Layout] = {}
    for layout in Layout:
        seen.setdefault(frozenset(preference(topology, layout)[:n_cpus]), layout)
    return tuple(seen.values())


def _fill(topology: Topology, cpus: CpuSet) -> tuple[tuple[int, ...], ...]:
    """How many CPUs lie in each socket, L3 group and core, largest first: equal, equally good."""
    members = [topology.by_id[cpu] for cpu in cpus]
    counts = (
        Counter(cpu.socket for cpu in members),
        Counter(cpu.l3 for cpu in members),
        Counter(cpu.core for cpu in members),
    )
    return tuple(tuple(sorted(count.values(), reverse=True)) for count in counts)


def _spread_key(topology: Topology) -> Callable[[Cpu], tuple[int, ...]]:
    core_rank = _ranks((cpu.l3, cpu.core) for cpu in topology.cpus)
    l3_rank = _ranks((cpu.socket, cpu.l3) for cpu in topology.cpus)
    return lambda cpu: (cpu.thread, core_rank[cpu.core], l3_rank[cpu.l3], cpu.socket)


def _ranks(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Position of each member within its group, from (group, member) pairs."""
    groups: dict[int, set[int]] = {}
    for group, member in pairs:
        groups.setdefault(group, set()).add(member)
    return {
        member: rank for members in groups.values() for rank, member in enumerate(sorted(members))
    }
