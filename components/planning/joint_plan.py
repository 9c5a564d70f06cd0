"""One assignment of CPUs for all jobs of a node: a good one at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from components.jobs.candidate import Allocation
from components.planning.interference import Exposure, Neighbour, exposures
from components.planning.joint import JointPlan, Short
from components.planning.joint_choice import choose_options, in_order
from components.planning.joint_packing import pack
from components.planning.joint_shape import distinct, usable_cores
from components.planning.joint_shared import plan_shared
from components.planning.reserve import is_shared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.node.cpuset import CpuSet
    from components.planning.joint import JointAsk, Option, Tenant

_ROUNDS = 4
"""How often jobs that their neighbours slow down are asked to widen."""
_PACKINGS: tuple[tuple[bool, int], ...] = (
    (True, 0), (True, 1), (False, 0), (False, 1), (False, 2), (False, 10**6),
)  # fmt: skip
"""(stay, groups to spare): from gathered to as far apart as the node lets jobs be."""


def plan_jointly(ask: JointAsk) -> JointPlan:
    """Assign CPUs so that all targets are kept at least node power, moving few jobs.

    Options are chosen exactly, for the power that can be had if jobs pack well; CPUs are picked in
    several ways, of which the best by power, moves and kept targets is taken; jobs that their
    neighbours would slow down beyond their target are widened, and it is tried again. On a node so
    small that jobs share, see `plan_shared`.
    """
    if is_shared(ask.topology):
        return plan_shared(ask)
    tenants, left_out = _with_room(ask)
    asked = _without(ask, left_out) if left_out else ask
    stretch: dict[str, float] = {}
    best: _Packed | None = None
    for _ in range(_ROUNDS):
        tried = _try_all(asked, stretch)
        if tried is None:
            break
        if best is None or tried.rank(asked) < best.rank(asked):
            best = tried
        worse = {job: s for job, s in tried.stretched(asked).items() if s > stretch.get(job, 1.0)}
        if not worse:
            break
        stretch.update(worse)
    shorts = [
        Short(t.job, math.inf, f"all {len(tenants)} cores are given to jobs that come before it")
        for t in left_out
    ]
    if best is None:
        return JointPlan(shorts=tuple(shorts))
    return best.to_plan(asked, shorts)


def evaluate(ask: JointAsk, chosen: Mapping[str, Option], cpus: Mapping[str, CpuSet]) -> JointPlan:
    """What an assignment that someone else made comes to."""
    return _judge(ask, chosen, cpus).to_plan(ask, [])


def rank(plan: JointPlan) -> tuple[float, ...]:
    """Order plans of the same ask: fewer targets missed first, then less power and fewer moves."""
    return float(len(plan.shorts)), plan.power_w + plan.moves_w


@dataclass(frozen=True, slots=True)
class _Packed:
    chosen: Mapping[str, Option]
    cpus: Mapping[str, CpuSet]
    power_w: float
    movers: tuple[str, ...]
    stretch: Mapping[str, float]
    """By what the neighbours do, of each job."""

    def stretched(self, ask: JointAsk) -> dict[str, float]:
        """Jobs that would keep their target, but for their neighbours."""
        return {
            t.job: self.stretch[t.job]
            for t in ask.tenants
            if t.meets(self.chosen[t.job]) and _over(t, self.chosen[t.job], self.stretch) > 0
        }

    def rank(self, ask: JointAsk) -> tuple[float, ...]:
        """Less is better: targets missed, those that come first before others, then power."""
        missed = [
            max(_over(t, self.chosen[t.job], self.stretch), 0.0) for t in in_order(ask.tenants)
        ]
        n_missed = sum(over > 0 for over in missed)
        return (
            float(n_missed),
            *(float(over > 0) for over in missed),
            self.power_w + ask.move_w * len(self.movers),
            sum(missed),
        )

    def to_plan(self, ask: JointAsk, shorts: Sequence[Short]) -> JointPlan:
        found = []
        for tenant in in_order(ask.tenants):
            option = self.chosen[tenant.job]
            over = _over(tenant, option, self.stretch)
            if over > 0:
                reached = option.latency_ms * self.stretch[tenant.job]
                reason = f"{reached:.3g} ms at {option.candidate}, {tenant.target_ms:g} wanted"
                found.append(Short(tenant.job, over, reason))
        allocations = {
            job: Allocation(option.candidate, self.cpus[job]) for job, option in self.chosen.items()
        }
        moves_w = ask.move_w * len(self.movers)
        return JointPlan(allocations, (*found, *shorts), self.power_w, self.movers, moves_w)


def _try_all(ask: JointAsk, stretch: Mapping[str, float]) -> _Packed | None:
    free = len(usable_cores(ask.topology, ask.barred | ask.others))
    best: _Packed | None = None
    seen: list[Mapping[str, CpuSet]] = []
    # a core without its second thread is worth less to some: a few may be needed more
    for n_cores in range(free, max(free - 4, 0), -1):
        chosen = choose_options(ask, n_cores, stretch)
        if chosen is None:
            return best
        for stay, spare in _PACKINGS:
            cpus = pack(ask, chosen, stay=stay, spare_groups=spare)
            if cpus is None or cpus in seen:
                continue
            seen.append(cpus)
            packed = _judge(ask, chosen, cpus)
            if best is None or packed.rank(ask) < best.rank(ask):
                best = packed
        if best is not None:
            return best
    return best


def _judge(ask: JointAsk, chosen: Mapping[str, Option], cpus: Mapping[str, CpuSet]) -> _Packed:
    groups, sockets = distinct(ask.others.union(*cpus.values()), ask.topology)
    power = ask.power
    awake_w = power.base_w + power.l3_w * len(groups) + power.socket_w * len(sockets)
    movers = tuple(t.job for t in ask.tenants if cpus[t.job] != t.current)
    return _Packed(
        chosen,
        cpus,
        awake_w + sum(option.power_w for option in chosen.values()),
        movers,
        _stretches(ask, chosen, cpus),
    )


def _stretches(
    ask: JointAsk, chosen: Mapping[str, Option], cpus: Mapping[str, CpuSet]
) -> dict[str, float]:
    if not any(any(t.sensitivity.parts) for t in ask.tenants):
        return dict.fromkeys(chosen, 1.0)
    there = {job: Neighbour(cpus[job], chosen[job].use) for job in chosen}
    felt = exposures(ask.topology, there)
    return {t.job: t.sensitivity.stretch(felt.get(t.job, Exposure())) for t in ask.tenants}


def _over(tenant: Tenant, option: Option, stretch: Mapping[str, float]) -> float:
    return option.latency_ms * stretch[tenant.job] / tenant.target_ms - 1.0


def _with_room(ask: JointAsk) -> tuple[tuple[int, ...], list[Tenant]]:
    """The cores there are, and the tenants for whom there is none at all."""
    cores = tuple(core.id for core in usable_cores(ask.topology, ask.barred | ask.others))
    return cores, in_order(ask.tenants)[len(cores) :]


def _without(ask: JointAsk, left_out: Sequence[Tenant]) -> JointAsk:
    gone = {t.job for t in left_out}
    return replace(ask, tenants=tuple(t for t in ask.tenants if t.job not in gone))
