"""How many CPUs jobs may have: what is kept for the system, and each job's fair part."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from components.node.placement import Layout, preference

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def budget(topology: Topology, job: str, wishes: Sequence[Wish]) -> int:
    """Most CPUs a job may ask for now, beside the others.

    Others that were placed count with what they have, others that were not with an equal part of
    the node. Never below 1: a job that finds no room is denied by the plan, with the reason.
    """
    usable = usable_cpus(topology)
    if is_shared(topology):
        return len(usable)
    others = [wish for wish in wishes if wish.job != job]
    part = len(usable) // (len(others) + 1)
    claimed = sum(len(wish.current & usable) if wish.is_placed else part for wish in others)
    return max(1, len(usable) - claimed)
