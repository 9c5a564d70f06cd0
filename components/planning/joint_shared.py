"""The joint plan of a node so small that jobs share: who comes first has CPUs of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.candidate import Allocation, Candidate
from components.node.placement import Layout, preference
from components.planning.joint import JointPlan, Short
from components.planning.joint_choice import in_order
from components.planning.joint_shape import distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.node.cpuset import CpuSet
    from components.planning.joint import JointAsk, Option, Tenant

_MOST_OVER = 1e3
_MOST_USE = 0.9
"""Of CPUs by others, in what they do to latency; beyond it everything waits forever."""


def plan_shared(ask: JointAsk, cap_w: float | None = None) -> JointPlan:
    """Plan on all CPUs, or on as few as do as well at less power; on the fewest under a cap.

    Where no number of CPUs keeps the cap, all jobs share one.
    """
    order = [cpu for cpu in preference(ask.topology, Layout.COMPACT) if cpu not in ask.barred]
    plans = [_share(ask, order[:n]) for n in range(1, len(order) + 1)]
    if not plans:
        return JointPlan(shorts=tuple(Short(t.job, math.inf, "no CPU") for t in ask.tenants))
    within = [plan for plan in plans if cap_w is None or plan.power_w <= cap_w]
    return min(within, key=_rank, default=plans[0])


def _rank(plan: JointPlan) -> tuple[float, ...]:
    """Fewer targets missed first, then by less, then less power: CPUs help whom they fall short."""
    over = sum(min(short.by, _MOST_OVER) for short in plan.shorts)
    return float(len(plan.shorts)), round(over, 2), plan.power_w + plan.moves_w


@dataclass(frozen=True, slots=True)
class _Given:
    """What one job gets."""

    option: Option
    cpus: CpuSet
    stretch: float = 1.0
    """Of its latency, by those who have the same CPUs."""

    @property
    def busy_cpus(self) -> float:
        """CPUs' worth of time it uses."""
        return self.option.use * self.option.candidate.n_cpus


def _share(ask: JointAsk, cpus: Sequence[int]) -> JointPlan:
    """In order, each job gets CPUs of its own while one is left for the rest; these share it."""
    free, order = list(cpus), in_order(ask.tenants)
    given: dict[str, _Given] = {}
    while order:
        room = len(free) - (len(order) > 1)
        if room < 1:
            break
        tenant, *order = order
        option = _best(tenant, room)
        own = sorted(free, key=lambda cpu: cpu not in tenant.current)[: option.candidate.n_cpus]
        free = [cpu for cpu in free if cpu not in own]
        given[tenant.job] = _Given(option, frozenset(own))
    given |= _together(order, frozenset(free))
    return _to_plan(ask, given)


def _best(tenant: Tenant, most: int) -> Option:
    """The option of least power that keeps the target, else the fastest, of so many CPUs."""
    fitting = [o for o in tenant.options if o.candidate.n_cpus <= most] or [
        min(tenant.options, key=lambda o: o.candidate.n_cpus)
    ]
    meeting = [o for o in fitting if tenant.meets(o)]
    if meeting:
        return min(meeting, key=lambda o: (o.power_w, o.candidate.n_cpus))
    return min(fitting, key=lambda o: o.latency_ms)


def _together(tenants: Sequence[Tenant], cpus: CpuSet) -> dict[str, _Given]:
    """Give all of them the same CPUs; each waits for what the others use of these."""
    options = {}
    for tenant in tenants:
        fitting = [o for o in tenant.options if o.candidate.n_cpus <= len(cpus)]
        widest = max(fitting or tenant.options, key=lambda o: o.candidate.n_cpus)
        options[tenant.job] = _Given(widest, cpus)
    total = sum(one.busy_cpus for one in options.values())
    return {
        job: _Given(
            one.option, cpus, 1.0 / (1.0 - min((total - one.busy_cpus) / len(cpus), _MOST_USE))
        )
        for job, one in options.items()
    }


def _to_plan(ask: JointAsk, given: dict[str, _Given]) -> JointPlan:
    by_job = ask.by_job
    shorts = []
    for job, one in given.items():
        over = one.option.latency_ms * one.stretch / by_job[job].target_ms - 1.0
        if over > 0:
            beside = " beside others" if one.stretch > 1.0 else ""
            shorts.append(Short(job, over, f"{len(one.cpus)} CPUs{beside} are too few"))
    groups, sockets = distinct(
        ask.others.union(*(one.cpus for one in given.values())), ask.topology
    )
    awake_w = ask.power.base_w + ask.power.l3_w * len(groups) + ask.power.socket_w * len(sockets)
    movers = tuple(job for job, one in given.items() if one.cpus != by_job[job].current)
    return JointPlan(
        {job: Allocation(_candidate(one), one.cpus) for job, one in given.items()},
        tuple(shorts),
        awake_w + _own_w(given),
        movers,
        ask.move_w * len(movers),
    )


def _candidate(one: _Given) -> Candidate:
    return Candidate(len(one.cpus), one.option.candidate.layout)


def _own_w(given: dict[str, _Given]) -> float:
    """What the jobs draw; those that share CPUs no more than these can be busy."""
    watts = 0.0
    for cpus in {one.cpus for one in given.values()}:
        here = [one for one in given.values() if one.cpus == cpus]
        busy = sum(one.busy_cpus for one in here)
        watts += sum(one.option.power_w for one in here) * min(len(cpus) / max(busy, 1e-9), 1.0)
    return watts
