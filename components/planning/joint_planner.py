"""Plans all jobs of a node from what their windows show, one probe at a time.

The plan acts on what it is confident of, for all jobs at once; what it is not confident of is for
the search of each job to probe, one job after the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.planning.joint import JointAsk, JointPlan, Option
from components.planning.joint_cap import plan_within
from components.planning.joint_packing import pack
from components.planning.joint_plan import evaluate, plan_jointly
from components.planning.joint_views import View, asking_of, equal_parts
from components.planning.moves import order_moves
from components.planning.wish import Plan, Planned, Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.node.cpuset import CpuSet
    from components.planning.joint import Tenant
    from components.planning.joint_prospects import Prospects

_MOST_TRIES = 2
"""Probes that are tried to be fitted in, a tick."""
_LESS_DOUBT = (0.5, 0.25, 0.0)


class JointPlanner:
    """Asked each tick for a plan by what the jobs of a node showed so far."""

    def __init__(self, prospects: Prospects) -> None:
        self._prospects = prospects
        self._settings = prospects.settings
        self._due_s = self._trial_due_s = 0.0
        self.last: JointPlan | None = None
        """The newest joint plan, for people; None before the first."""
        self._cap_w: float | None = None
        self._priorities: Mapping[str, int] = {}

    def keep_to(self, cap_w: float | None, priorities: Mapping[str, int]) -> None:
        """Plan for so much power at most and for this order of jobs, at once where that is new."""
        if (cap_w, priorities) != (self._cap_w, self._priorities):
            self._cap_w, self._priorities, self._due_s = cap_w, priorities, 0.0

    def plan(
        self, views: Sequence[View], barred: CpuSet, others: CpuSet, prober: str | None, at_s: float
    ) -> Plan | None:
        """Plan all jobs; None while too little is known.

        Args:
            views: the jobs that may be changed; all of them are admitted.
            barred: CPUs nobody is given.
            others: CPUs of jobs that may not be changed.
            prober: the job that may probe.
            at_s: now.
        """
        prospects = self._prospects
        if not (views and prospects.know(view.job for view in views)):
            return None
        urgent = {view.job for view in views if prospects.is_urgent(view, at_s)}
        is_urgent = bool(urgent)
        asking = [] if is_urgent else asking_of(views, prober)
        may_try = not is_urgent and at_s >= self._trial_due_s
        trial = prospects.trial(views, at_s) if may_try else None
        is_due = is_urgent or at_s >= self._due_s
        if not (asking or trial or is_due):
            return Plan(prober=prober)
        ask = JointAsk(
            prospects.topology,
            tuple(prospects.tenant(v, at_s, self._settings.sigmas) for v in views),
            prospects.power.node,
            barred,
            others,
            move_w=self._settings.move_share * prospects.power.awake_w,
        )
        for probe in asking[:_MOST_TRIES]:
            joint = self._with_probe(ask, probe)
            if joint is not None:
                self.last = joint
                return self._to_plan(joint, views, probe)
        if trial is not None:
            self._trial_due_s = at_s + self._settings.trial_s
            joint = self._with_probe(ask, trial)
            if joint is not None:
                self.last = joint
                return self._to_plan(joint, views, trial)
        if not is_due:
            return Plan(prober=prober)
        helped = None if at_s >= self._due_s else plan_within(_only(ask, urgent), self._cap_w)
        if helped is not None and not helped.shorts:
            self.last = helped
            return self._to_plan(helped, views, None)
        self._due_s = at_s + self._settings.replan_s
        self.last = self._with_doubt(ask, views, at_s)
        return self._to_plan(self.last, views, None)

    def _with_doubt(self, ask: JointAsk, views: Sequence[View], at_s: float) -> JointPlan:
        """Plan with as much doubt as there is room for.

        While little is known, all jobs with all doubt would need more than the node has; who has
        no place yet then gets an equal part.
        """
        plan = plan_within(ask, self._cap_w)
        if plan.shorts and not any(view.wish.is_placed for view in views):
            return plan_jointly(equal_parts(ask))
        for share in _LESS_DOUBT if plan.shorts and self._cap_w is None else ():
            sigmas = share * self._settings.sigmas
            tenants = tuple(self._prospects.tenant(v, at_s, sigmas) for v in views)
            bolder = plan_jointly(replace(ask, tenants=tenants))
            if len(bolder.shorts) < len(plan.shorts) or not plan.allocations:
                plan = bolder
            if not plan.shorts:
                break
        return plan

    def _with_probe(self, ask: JointAsk, probe: View) -> JointPlan | None:
        """The plan in force with a job's probe in it, wherever the others leave room.

        None where there is none, or where it would cost another job its target.
        """
        candidate = probe.wish.candidate
        if candidate is None:
            return None
        chosen = {}
        for tenant in ask.tenants:
            here = [o for o in tenant.options if o.candidate == tenant.candidate]
            if tenant.job != probe.job and not here:
                return None
            chosen[tenant.job] = here[0] if here else Option(candidate, 0.0, 0.0)
        before = evaluate(ask, chosen, {t.job: t.current for t in ask.tenants})
        chosen[probe.job] = Option(candidate, 0.0, 0.0)
        cpus = pack(ask, chosen, stay=True)
        if cpus is None or any(cpus[t.job] != t.current for t in ask.tenants if t.job != probe.job):
            return None
        plan = evaluate(ask, chosen, cpus)
        return plan if len(plan.shorts) <= len(before.shorts) else None

    def _to_plan(self, joint: JointPlan, views: Sequence[View], probe: View | None) -> Plan:
        changes = []
        for view in views:
            allocation = joint.allocations.get(view.job)
            if allocation is None:
                continue
            is_probe = probe is not None and view.job == probe.job
            wish = probe.wish if probe is not None and is_probe else view.wish
            is_there = allocation.cpus == wish.current and wish.is_placed
            if is_there and not view.has_probed and not (is_probe and not wish.is_fulfilled):
                continue
            purpose = wish.purpose if is_probe else Purpose.JOINT
            changes.append(Planned(view.job, purpose, allocation))
        held = {v.job: v.wish.current for v in views if v.wish.is_placed}
        prober = None if probe is None else probe.job
        why = "its probe waits for room" if prober is None else f"{prober} is probing"
        denials = {
            v.job: f"{why}; one job probes at a time"
            for v in views
            if v.wish.purpose is Purpose.PROBE and v.job != prober
        }
        denials |= {short.job: f"short by {short.by:.1%}: {short.reason}" for short in joint.shorts}
        return Plan(order_moves(changes, held), denials, prober)


def _only(ask: JointAsk, urgent: set[str]) -> JointAsk:
    """The same, where jobs that are not urgent stay as they are: until all are looked at again."""

    def stays(tenant: Tenant) -> tuple[Option, ...]:
        return tuple(o for o in tenant.options if o.candidate == tenant.candidate)

    return replace(
        ask,
        tenants=tuple(
            tenant if tenant.job in urgent else replace(tenant, options=stays(tenant))
            for tenant in ask.tenants
        ),
    )
