"""All jobs of a node at once: who may probe, and which CPUs make each wish real."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.jobs.candidate import Allocation
from components.node.placement import place, preference
from components.planning.reserve import is_shared, reserved_cpus
from components.planning.wish import Plan, Planned, Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.planning.wish import Wish

_URGENCY = {
    Purpose.EMERGENCY: 0,
    Purpose.CONFIRM: 1,
    Purpose.COMMIT: 2,
    Purpose.JOINT: 2,
    Purpose.TRIAL: 3,
    Purpose.PROBE: 3,
    Purpose.KEEP: 4,
}


NONE: CpuSet = frozenset()


def plan(
    wishes: Sequence[Wish],
    topology: Topology,
    *,
    prober: str | None = None,
    offline: CpuSet = NONE,
) -> Plan:
    """Make allocations of wishes.

    One job probes at a time: the one that already does (`prober`) until it stops asking, else the
    one of highest priority. Allocations of ours never overlap, neither after the changes nor
    between them, unless the node is too small (`is_shared`). Widenings come before narrowings. An
    emergency that finds too little room takes what is free. CPUs that are `offline` are not given.
    """
    prober = choose_prober(wishes, prober)
    occupied = {wish.job: wish.current for wish in wishes if wish.is_placed}
    changes: list[Planned] = []
    denials: dict[str, str] = {}
    for wish in sorted(wishes, key=lambda w: (_URGENCY[w.purpose], -w.priority, w.job)):
        if wish.candidate is None or wish.purpose is Purpose.KEEP or wish.is_fulfilled:
            continue
        if wish.purpose is Purpose.PROBE and wish.job != prober:
            denials[wish.job] = f"{prober} is probing; one job probes at a time"
            continue
        others = {job: cpus for job, cpus in occupied.items() if job != wish.job}
        candidate = wish.candidate
        cpus = choose_cpus(topology, candidate, wish.current, others, offline)
        if cpus is None and wish.purpose is Purpose.EMERGENCY:
            free = topology.ids - reserved_cpus(topology).union(offline, *others.values())
            if len(free) > len(wish.current):
                candidate = replace(candidate, n_cpus=len(free))
                cpus = free
        if cpus is None:
            denials[wish.job] = f"{candidate} do not fit beside the other jobs"
            continue
        changes.append(Planned(wish.job, wish.purpose, Allocation(candidate, cpus)))
        # until it is applied the job still has its old CPUs: keep the others off both
        occupied[wish.job] = cpus | (wish.current if wish.is_placed else frozenset())
    widths = {wish.job: len(wish.current) for wish in wishes}
    changes.sort(key=lambda c: len(c.allocation.cpus) <= widths[c.job])
    return Plan(tuple(changes), denials, prober)


def choose_cpus(
    topology: Topology,
    candidate: Candidate,
    current: CpuSet,
    others: Mapping[str, CpuSet],
    offline: CpuSet = NONE,
) -> CpuSet | None:
    """CPUs for a candidate clear of the others; None where there is no room.

    On a node that is shared, and only where there is no room, those are taken that the fewest
    others have.
    """
    taken = reserved_cpus(topology).union(offline, *others.values())
    if candidate.n_cpus <= len(topology.ids - taken):
        return place(
            topology, candidate.n_cpus, candidate.layout, taken=taken, current=current - taken
        )
    order = [cpu for cpu in preference(topology, candidate.layout) if cpu not in offline]
    if not is_shared(topology) or candidate.n_cpus > len(order):
        return None
    crowd = {cpu: sum(cpu in cpus for cpus in others.values()) for cpu in order}
    return frozenset(sorted(order, key=lambda cpu: crowd[cpu])[: candidate.n_cpus])


def choose_prober(wishes: Sequence[Wish], prober: str | None) -> str | None:
    """Who may probe: who does (`prober`) until its search is over, else by priority."""
    asking = sorted(
        (wish for wish in wishes if wish.purpose is Purpose.PROBE),
        key=lambda wish: (-wish.priority, wish.job),
    )
    searching = {Purpose.PROBE, Purpose.CONFIRM}
    if any(wish.job == prober and wish.purpose in searching for wish in wishes):
        return prober  # until its search is over: a probe of another job would disturb it
    return asking[0].job if asking else None
