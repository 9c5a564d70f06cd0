"""How many CPUs jobs may have: what is kept for the system, and each job's fair part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from components.node.placement import Layout, preference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.planning.wish import Wish

SHARED_UP_TO_CPUS = 4
"""On nodes of this many CPUs or fewer jobs may overlap and nothing is reserved."""
CPUS_PER_RESERVED = 64
"""Larger nodes keep one CPU for the system for every so many, at least one."""


def is_shared(topology: Topology) -> bool:
    """Whether the node is so small that its jobs may overlap."""
    return topology.n_logical <= SHARED_UP_TO_CPUS


@lru_cache(maxsize=8)
def reserved_cpus(topology: Topology) -> CpuSet:
    """CPUs no job is given: the last that the compact layout would take.

    They are SMT siblings of the last cores wherever there are any, so that small allocations look
    the same as on an empty node.
    """
    if is_shared(topology):
        return frozenset()
    n_reserved = max(1, topology.n_logical // CPUS_PER_RESERVED)
    return frozenset(preference(topology, Layout.COMPACT)[-n_reserved:])


@lru_cache(maxsize=8)
def usable_cpus(topology: Topology) -> CpuSet:
    """CPUs that jobs may be given."""
    return topology.ids - reserved_cpus(topology)


@dataclass(frozen=True, slots=True)
class Claims:
    """What jobs claim of a node: counted once, and asked for each of them."""

    n_usable: int
    is_shared: bool
    placed: Mapping[str, int]
    """How many usable CPUs those have that were placed."""
    n_placed: int
    """The sum of these."""
    unplaced: frozenset[str]

    def budget(self, job: str) -> int:
        """Most CPUs a job may ask for now, beside the others.

        Others that were placed count with what they have, others that were not with an equal part
        of the node. Never below 1: a job that finds no room is denied by the plan, with the reason.
        """
        if self.is_shared:
            return self.n_usable
        n_unplaced = len(self.unplaced) - (job in self.unplaced)
        n_others = len(self.placed) - (job in self.placed) + n_unplaced
        part = self.n_usable // (n_others + 1)
        claimed = self.n_placed - self.placed.get(job, 0) + n_unplaced * part
        return max(1, self.n_usable - claimed)


def claims_of(topology: Topology, wishes: Sequence[Wish]) -> Claims:
    """Count what jobs have, and who has nothing of ours yet."""
    usable = usable_cpus(topology)
    placed = {wish.job: len(wish.current & usable) for wish in wishes if wish.is_placed}
    return Claims(
        len(usable),
        is_shared(topology),
        placed,
        sum(placed.values()),
        frozenset(wish.job for wish in wishes if not wish.is_placed),
    )
