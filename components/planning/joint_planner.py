"""Plans all jobs of a node from what their windows show, one probe at a time.

The plan acts on what it is confident of, for all jobs at once; what it is not confident of is for
the search of each job to probe, one job after the other.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.planning.interference import Exposure, Neighbour, exposures
from components.planning.joint import JointAsk, JointPlan, Option, Tenant
from components.planning.joint_cap import plan_within
from components.planning.joint_ledger import JobLedger
from components.planning.joint_packing import pack
from components.planning.joint_plan import evaluate, plan_jointly
from components.planning.joint_power import PowerModel
from components.planning.joint_shape import shapes_of
from components.planning.joint_views import (
    JointSettings,
    View,
    asking_of,
    equal_parts,
    is_at_risk,
    use_of,
    worth_asking,
)
from components.planning.moves import order_moves
from components.planning.wish import Plan, Planned, Purpose
from components.policy import normal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.planning.joint_ledger import Outlook, Window
    from components.planning.joint_shape import Shapes
    from components.policy.brain import Brain


LEAST_KEPT = 0.5
"""Least share of its CPUs that a job keeps in one move."""
LEAST_CHANCE = 0.45
"""Of keeping the target, for a probe that the plan asks for."""
_MOST_TRIES = 2
"""Probes that are tried to be fitted in, a tick."""
_LESS_DOUBT = (0.5, 0.25, 0.0)


class JointPlanner:
    """Remembers what jobs of a node showed; asked each tick for a plan."""

    def __init__(self, topology: Topology, settings: JointSettings | None = None) -> None:
        self._topology = topology
        self._settings = settings or JointSettings()
        self._ledgers: dict[str, JobLedger] = {}
        self._shapes: dict[str, Shapes] = {}
        self._power = PowerModel(topology)
        self._due_s = self._trial_due_s = 0.0
        self.last: JointPlan | None = None
        """The newest joint plan, for people; None before the first."""
        self._cap_w: float | None = None
        self._priorities: Mapping[str, int] = {}

    def admit(self, job: str, brain: Brain, candidates: Sequence[Candidate]) -> None:
        """Plan for a job from now on; one that is known under the same policy stays as it is."""
        known = self._ledgers.get(job)
        if known is not None and known.brain is brain and known.candidates == tuple(candidates):
            return
        self._ledgers[job] = JobLedger(brain, self._topology, candidates)
        self._shapes[job] = shapes_of(self._topology, candidates)

    def keep_to(self, cap_w: float | None, priorities: Mapping[str, int]) -> None:
        """Plan for so much power at most and for this order of jobs, at once where that is new."""
        if (cap_w, priorities) != (self._cap_w, self._priorities):
            self._cap_w, self._priorities, self._due_s = cap_w, priorities, 0.0

    def keep_only(self, jobs: Collection[str]) -> None:
        """Forget all other jobs."""
        for job in [job for job in self._ledgers if job not in jobs]:
            del self._ledgers[job], self._shapes[job]

    def observe(self, windows: Mapping[str, Window], held: Mapping[str, CpuSet]) -> None:
        """Take in what closed windows showed.

        Args:
            windows: by job.
            held: the CPUs every job of the node had meanwhile.
        """
        there = {job: Neighbour(cpus, use_of(windows.get(job), cpus)) for job, cpus in held.items()}
        felt = exposures(self._topology, there)
        for job, window in windows.items():
            ledger = self._ledgers.get(job)
            if ledger is None:
                continue
            is_shared = any(o != job and cpus & held[job] for o, cpus in held.items())
            ledger.observe(window, felt.get(job, Exposure()), is_shared=is_shared)
        if windows:
            busy = sum(n.use * len(n.cpus) for n in there.values())
            newest = max(windows.values(), key=lambda w: w.at_s)
            every: CpuSet = frozenset().union(*held.values())
            self._power.observe(every, min(busy, float(len(every))), newest.power_w)

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
        known = [v for v in views if v.job in self._ledgers and self._ledgers[v.job].is_ready]
        if len(known) < len(views) or not self._power.is_known or not known:
            return None
        tenants = {v.job: self._tenant(v, at_s, self._settings.sigmas) for v in views}
        is_urgent = any(v.has_probed or is_at_risk(v, tenants[v.job]) for v in views)
        asking = [] if is_urgent else asking_of(views, prober)
        if not (is_urgent or asking or at_s >= min(self._due_s, self._trial_due_s)):
            return Plan(prober=prober)
        ask = JointAsk(
            self._topology,
            tuple(tenants.values()),
            self._power.node,
            barred,
            others,
            move_w=self._settings.move_share * self._power.awake_w,
        )
        for probe in asking[:_MOST_TRIES]:
            joint = self._with_probe(ask, probe)
            if joint is not None:
                self.last = joint
                return self._to_plan(joint, views, probe)
        trial = None if is_urgent or at_s < self._trial_due_s else self._trial(views, at_s)
        if trial is not None:
            self._trial_due_s = at_s + self._settings.trial_s
            joint = self._with_probe(ask, trial)
            if joint is not None:
                self.last = joint
                return self._to_plan(joint, views, trial)
        if at_s < self._due_s and not is_urgent:
            return Plan(prober=prober)
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
            tenants = tuple(self._tenant(v, at_s, sigmas) for v in views)
            bolder = plan_jointly(replace(ask, tenants=tenants))
            if len(bolder.shorts) < len(plan.shorts) or not plan.allocations:
                plan = bolder
            if not plan.shorts:
                break
        return plan

    def _trial(self, views: Sequence[View], at_s: float) -> View | None:
        """The probe that promises most: an unseen candidate that likely keeps its target.

        None while a search still probes by itself, and where nothing promises enough.
        """
        if not all(view.wish.is_placed for view in views):
            return None
        best, found = self._settings.least_trial_share * self._power.awake_w, None
        for view in views:
            ledger = self._ledgers[view.job]
            kept = ledger.index(view.candidate)
            if kept is None:
                continue
            outlook = ledger.outlook(ledger.load.planned_rate(at_s))
            own_w = self._own_w(view.job, outlook)
            slack = math.log(view.target_ms) - outlook.latency_log
            chance = normal.cdf(slack / outlook.sigma)
            may = (ledger.n_seen == 0.0) & (chance >= LEAST_CHANCE)
            may &= ledger.n_cpus >= LEAST_KEPT * len(view.wish.current)
            for barred in view.barred:
                may[ledger.index(barred)] = False
            worth = np.where(may, chance * (own_w[kept] - own_w), 0.0)
            at = int(worth.argmax())
            if worth[at] > best:
                wish = replace(view.wish, purpose=Purpose.TRIAL, candidate=ledger.candidates[at])
                best, found = float(worth[at]), replace(view, wish=wish)
        return found

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

    def _tenant(self, view: View, at_s: float, sigmas: float) -> Tenant:
        ledger = self._ledgers[view.job]
        outlook = ledger.outlook(ledger.load.planned_rate(at_s))
        own_w = self._own_w(view.job, outlook)
        candidate = view.candidate if view.wish.is_placed else None
        kept = ledger.index(candidate)
        s = self._settings
        judged = np.exp(outlook.latency_log + sigmas * outlook.sigma) * (1.0 + s.headroom)
        if kept is not None:
            now = ledger.outlook(ledger.load.rate_soon(at_s))
            doubted = now.latency_log[kept] + s.kept_sigmas * now.sigma[kept]
            judged[kept] = np.exp(doubted) * (1.0 + s.kept_headroom)
        may = ledger.n_cpus <= view.most_cpus
        if view.wish.is_placed:
            may &= (ledger.n_cpus >= LEAST_KEPT * len(view.wish.current)) | (ledger.n_seen > 0.0)
        for barred in view.barred:
            index = ledger.index(barred)
            if index is not None:
                may[index] = False
        rows = worth_asking(judged, own_w, self._shapes[view.job], may, view.target_ms, kept)
        asked = ledger.index(view.wish.candidate)
        is_confirmed = view.wish.purpose is Purpose.CONFIRM and asked is not None
        if is_confirmed and asked is not None and judged[asked] <= view.target_ms and may[asked]:
            rows = np.asarray([asked])  # the end of its search: worth the little that it may cost
        options = tuple(
            Option(ledger.candidates[i], float(judged[i]), float(own_w[i]), float(outlook.use[i]))
            for i in rows.tolist()
        )
        return Tenant(
            view.job,
            view.target_ms,
            options,
            view.wish.current,
            candidate,
            view.wish.priority,
            ledger.sensitivity,
        )

    def _own_w(self, job: str, outlook: Outlook) -> NDArray[np.float64]:
        shapes = self._shapes[job]
        siblings = shapes.n_cpus - shapes.cores
        return self._power.own_w(
            shapes.cores.astype(np.float64),
            siblings.astype(np.float64),
            outlook.use * shapes.n_cpus,
        )
