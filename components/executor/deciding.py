"""From what every job wants to what every job gets: wishes, plan, guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.executor.intent import Phase
from components.jobs.job import Mode
from components.planning.guard import Limits, Rule, Situation
from components.planning.plan import plan
from components.planning.reserve import Claims, claims_of
from components.planning.room import Room
from components.planning.wish import Planned, Purpose, Wish
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from components.executor.intent import Intent
    from components.executor.job_run import JobRun
    from components.executor.settings import ExecutorSettings
    from components.jobs.candidate import Candidate, Prediction
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.planning.guard import GuardRule
    from components.planning.wish import Plan

_OF_ALL = {Purpose.JOINT, Purpose.TRIAL}
"""What a job gets by the plan for all; its search asked for something else."""
_WILL_NOT_PASS = {
    Rule.LIMITS,
    Rule.UNDONE,
    Rule.TOO_NARROW,
    Rule.UNSAFE_PROBES,
    Rule.UNLIKELY,
    Rule.STEP,
    Rule.BUDGET,
    Rule.UNVERIFIED,
    Rule.DEAD_BAND,
    Rule.HOLD_TIME,
}
"""Rulings against what the policy wants; it has to think again."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to come into force for one job."""

    run: JobRun
    cpus: CpuSet
    candidate: Candidate | None
    """None where the original CPUs are given back."""
    arm: Arm
    propensity: float
    purpose: Purpose
    fulfils: int = -1
    """Number of the intent that this fulfils; -1: none, it was not wanted."""

    @property
    def is_original(self) -> bool:
        """Whether the job gets back what it had before us."""
        return self.candidate is None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for the whole node now."""

    topology: Topology
    online: CpuSet
    allowed: CpuSet
    """Those of them that jobs may be given."""
    settings: ExecutorSettings
    is_paused: bool
    has_policy: bool
    """Whether the release in force has a policy that may decide, here and today."""
    at_s: float
    guard: GuardRule
    is_joint: bool = False
    """Whether jobs are planned together: then none is without a policy because its search is."""


def decide(
    runs: Sequence[JobRun], conditions: Conditions, prober: str | None
) -> tuple[tuple[Change, ...], str | None]:
    """Decide for all jobs at once.

    Returns:
        The changes in the order to make them, widenings first; and who may probe.
    """
    intents = {run.name: run.decision.intent() for run in runs}
    wishes = wishes_of(runs, conditions)
    offline = conditions.topology.ids - conditions.online
    planned = plan(wishes, conditions.topology, prober=prober, offline=offline)
    by_job = {change.job: change for change in planned.changes}
    room = room_of(runs, planned, conditions)
    changes = []
    for run in runs:
        run.denied = planned.denials.get(run.name)
        change = rule(run, by_job.get(run.name), intents[run.name], conditions, room)
        if change is not None:
            changes.append(change)
    changes.sort(key=lambda change: len(change.cpus) <= len(change.run.in_force.cpus))
    return tuple(changes), planned.prober


def room_of(runs: Sequence[JobRun], planned: Plan, conditions: Conditions) -> Room:
    """Who has which CPUs until all that is planned is in force."""
    held = {run.name: run.in_force.cpus for run in runs if run.in_force.is_placed}
    room = Room(conditions.topology, held, conditions.topology.ids - conditions.online)
    for change in planned.changes:
        room.claim(change.job, change.allocation.cpus)
    return room


def wishes_of(runs: Iterable[JobRun], conditions: Conditions) -> tuple[Wish, ...]:
    """What every job asks of the plan; who may not be changed asks for nothing."""
    return tuple(_wish(run, conditions) for run in runs)


def claims(runs: Iterable[JobRun], conditions: Conditions) -> Claims:
    """What the jobs that may be moved claim of the node."""
    acting = [run for run in runs if run.mode.acts]
    return claims_of(conditions.topology, wishes_of(acting, conditions))


def most_cpus(run: JobRun, claimed: Claims, conditions: Conditions) -> int:
    """Most CPUs a job may be given now, by its owner's word and beside the others."""
    most = min(claimed.budget(run.name), len(conditions.allowed))
    return most if run.job.max_cpus is None else min(most, run.job.max_cpus)


def is_cramped(run: JobRun, most_cpus: int) -> bool:
    """Whether a search should begin anew because its job may have another number of CPUs."""
    decision = run.decision
    widest = decision.candidates[-1].n_cpus if decision.candidates else most_cpus
    if most_cpus > widest:
        return decision.phase is Phase.INFEASIBLE
    searching = decision.phase in {Phase.SEARCHING, Phase.CONFIRMING}
    too_wide = run.in_force.is_placed and len(run.in_force.cpus) > most_cpus
    return most_cpus < widest and (searching or too_wide)


def _original_is_better(run: JobRun, online: CpuSet) -> bool:
    """Whether nothing of ours keeps the target, and the original CPUs may do better."""
    decision = run.decision
    if decision.phase is not Phase.INFEASIBLE or decision.step is None:
        return False
    memory, n_original = decision.memory, len(run.original & online)
    rate_per_s = memory.present_rate_per_s
    return memory.original.is_better(decision.step, decision.evidence, rate_per_s, n_original)


def _wish(run: JobRun, conditions: Conditions) -> Wish:
    intent = run.decision.intent()
    free = run.acts and not conditions.is_paused and not run.is_idle
    is_wanted = free and intent.candidate is not None and conditions.at_s >= run.retry_at_s
    return Wish(
        job=run.name,
        purpose=intent.purpose if is_wanted else Purpose.KEEP,
        candidate=intent.candidate if is_wanted else None,
        current=run.in_force.cpus,
        is_placed=run.in_force.is_placed,
        priority=run.job.priority,
        is_fulfilled=is_wanted and _is_fulfilled(run, intent),
    )


def _is_fulfilled(run: JobRun, intent: Intent) -> bool:
    in_force = run.in_force
    return (
        in_force.is_placed
        and in_force.candidate == intent.candidate
        and run.fulfils == intent.number
    )


def rule(
    run: JobRun, planned: Planned | None, intent: Intent, conditions: Conditions, room: Room
) -> Change | None:
    """Let the guard rule, and see what is to be changed by it."""
    evidence = run.decision.evidence
    situation = _situation(run, conditions, planned, room)
    ruling = conditions.guard(planned, situation, _limits(run, conditions), evidence)
    run.ruling = ruling
    if not run.acts or conditions.at_s < run.retry_at_s:
        return None
    is_own_wish = planned is not None and planned.purpose not in _OF_ALL
    if is_own_wish and ruling.rule in _WILL_NOT_PASS:
        run.decision.refused(ruling, run.in_force, conditions.at_s)
    if ruling.allocation is not None:
        as_planned = planned is not None and not ruling.is_overruled
        if not as_planned and run.in_force.cpus == ruling.cpus and run.in_force.is_placed:
            return None
        purpose = planned.purpose if planned is not None and as_planned else Purpose.EMERGENCY
        room.claim(run.name, ruling.cpus)
        return Change(
            run,
            ruling.cpus,
            ruling.allocation.candidate,
            _arm(run, purpose),
            (intent.propensity if as_planned else 1.0) * run.arm_propensity,
            purpose,
            intent.number if as_planned else -1,
        )
    if ruling.is_overruled and ruling.cpus != run.in_force.cpus:
        return Change(run, ruling.cpus, None, Arm.ORIGINAL, 1.0, Purpose.EMERGENCY)
    return None


def _arm(run: JobRun, purpose: Purpose) -> Arm:
    if purpose in {Purpose.PROBE, Purpose.TRIAL}:
        return Arm.PROBE
    is_canary = run.is_challenged or run.mode is Mode.CANARY
    return Arm.CANARY if is_canary else Arm.POLICY


def _situation(
    run: JobRun, conditions: Conditions, planned: Planned | None, room: Room
) -> Situation:
    decision, in_force = run.decision, run.in_force
    is_readable = run.observer.failing_s(conditions.at_s) < conditions.settings.telemetry_s
    has_power = run.window is None or run.window.power_w is not None
    backed_off = decision.phase is Phase.BACKED_OFF
    good = run.last_good if backed_off else decision.best or run.last_good
    if good is not None and not decision.may_be_good(good.candidate):
        good = None
    if good is not None:
        good = room.refuge(run.name, good, run.in_force.cpus)
    return Situation(
        mode_acts=run.mode.acts,
        paused=conditions.is_paused,
        held=None if run.hold is None else run.hold.reason,
        has_policy=conditions.has_policy
        and (conditions.is_joint or (decision.brain is not None and not backed_off)),
        has_telemetry=is_readable and has_power and not run.is_idle,
        current=in_force.cpus,
        current_candidate=in_force.candidate if in_force.is_placed else None,
        is_probing=in_force.arm is Arm.PROBE,
        last_good=good,
        original=run.original & conditions.online,
        since_commit_s=decision.tries.since_commit_s(conditions.at_s),
        since_narrowed_s=decision.tries.since_narrowed_s(conditions.at_s),
        original_is_better=_original_is_better(run, conditions.online),
        may_try=decision.tries.allow(conditions.at_s),
        predicted=_predicted(run, planned),
    )


def _predicted(run: JobRun, planned: Planned | None) -> dict[Candidate, Prediction]:
    """What the policy believes of what is planned; asked only where the guard may want to know."""
    is_tried = planned is not None and planned.purpose in {Purpose.PROBE, Purpose.CONFIRM}
    if planned is None or not is_tried:
        return {}
    candidate = planned.allocation.candidate
    if candidate in run.decision.evidence.measured:
        return {}
    return {p.candidate: p for p in run.decision.predictions() if p.candidate == candidate}


def _limits(run: JobRun, conditions: Conditions) -> Limits:
    allowed = conditions.allowed
    most = len(allowed) if run.job.max_cpus is None else run.job.max_cpus
    return Limits(
        allowed=allowed,
        min_cpus=run.job.min_cpus,
        max_cpus=most,
        max_unsafe_probes=run.job.probe_max_misses,
        min_p_feasible=run.job.probe_min_p,
        hold_s=conditions.settings.hold_s,
    )
