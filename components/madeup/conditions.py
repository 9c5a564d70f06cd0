"""How jobs on one made-up node fare together; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.madeup.footprint import footprints_of
from components.madeup.tenancy import MINDS_NOBODY, Lodger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.madeup.surface import Response
    from components.madeup.tenancy import Manners, Together
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology

STRANGER_W = 3.0
"""Power of a CPU that a stranger keeps busy."""


@dataclass(frozen=True, slots=True)
class Running:
    """A job as it is now: how it answers at the present load, and the CPUs in force."""

    response: Response
    cpus: CpuSet
    manners: Manners = MINDS_NOBODY


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What makes a node worse than it was drawn."""

    strangers: Mapping[int, float]
    """Share of a CPU that something unmanaged keeps busy, by CPU."""
    l3_factor: Mapping[int, float]
    """Factor on the latency of every job that uses a core of an L3 group, by group."""
    cap_w: float | None = None
    """The node slows its clocks rather than draw more."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds until something changes."""

    latency_ms: Mapping[str, float]
    """True mean latency per image of each job."""
    slowdown: Mapping[str, float]
    """Factor by which sharing CPUs stretches each job."""
    cpu_use: Mapping[str, float]
    """CPUs' worth of work each job does, on average."""
    busy: Mapping[int, float]
    """Share each CPU is busy, in [0, 1]."""
    power_w: float
    """Of the whole node."""


def conditions(
    topology: Topology,
    jobs: Mapping[str, Running],
    disturbance: Disturbance,
    idle_w: float,
    together: Together | None = None,
) -> Conditions:
    """Work out latency, use and power of all jobs at once.

    A CPU wanted for more than all of its time is shared in proportion; a job is stretched by the
    mean over its CPUs. Of each job what its response draws above the idle power is added up. With
    `together` the responses are tenants': what they draw is added to what they share, and jobs
    feel their neighbours.
    """
    wanted = {cpu.id: disturbance.strangers.get(cpu.id, 0.0) for cpu in topology.cpus}
    use, latency, power_w = {}, {}, idle_w + STRANGER_W * sum(wanted.values())
    own_w: dict[str, float] = {}
    if together is not None:
        held: CpuSet = frozenset().union(*(job.cpus for job in jobs.values()))
        power_w += together.shared_power_w(held) - idle_w
        idle_w = 0.0
    for name, job in jobs.items():
        footprint = (
            footprints_of(topology, [job.cpus])
            if together is None
            else together.footprint(job.cpus)
        )
        use[name] = float(job.response.utilization(footprint)[0])
        latency[name] = float(job.response.latency_ms(footprint)[0])
        own_w[name] = max(float(job.response.power_w(footprint)[0]) - idle_w, 0.0)
        for cpu in job.cpus:
            wanted[cpu] += use[name]
    felt = dict.fromkeys(jobs, 1.0)
    if together is None:
        power_w += sum(own_w.values())
    elif jobs:
        power_w += together.dynamic_w(own_w, {name: job.cpus for name, job in jobs.items()})
        felt = together.stretches({n: Lodger(j.cpus, use[n], j.manners) for n, j in jobs.items()})
    slowdown, cpu_use = {}, {}
    for name, job in jobs.items():
        shares = [max(wanted[cpu], 1.0) for cpu in job.cpus]
        slowdown[name] = sum(shares) / len(shares)
        cpu_use[name] = use[name] * sum(1.0 / share for share in shares)
        groups = {topology.by_id[cpu].l3 for cpu in job.cpus}
        worst = max(disturbance.l3_factor.get(group, 1.0) for group in groups)
        latency[name] *= slowdown[name] * worst * felt[name]
    if disturbance.cap_w is not None and power_w > disturbance.cap_w:
        # power over clock is between linear and cubic; latency over clock is inverse
        latency = {n: ms * math.sqrt(power_w / disturbance.cap_w) for n, ms in latency.items()}
        power_w = disturbance.cap_w
    busy = {cpu: min(share, 1.0) for cpu, share in wanted.items()}
    return Conditions(latency, slowdown, cpu_use, busy, power_w)
