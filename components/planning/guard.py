"""The last word: what may really be applied. It may overrule anything; it asks no policy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from components.node.cpuset import format_cpu_list
from components.planning.situation import Limits, Rule, Ruling, Situation
from components.planning.wish import Purpose

if TYPE_CHECKING:
    from components.jobs.candidate import Allocation, Candidate, Prediction
    from components.planning.evidence import Evidence
    from components.planning.wish import Planned


__all__ = ["GuardRule", "Limits", "Rule", "Ruling", "Situation", "fall_back", "guard"]

_ROUNDING = 1e-3
"""Predictions are single-precision logarithms."""


LARGEST_JOINT_STEP = 0.5
"""Least share of its CPUs that a job keeps when the plan for all jobs narrows it."""


GuardRule = Callable[["Planned | None", Situation, Limits, "Evidence"], Ruling]
"""Whatever rules in place of `guard`."""


def guard(
    planned: Planned | None, situation: Situation, limits: Limits, evidence: Evidence
) -> Ruling:
    """Rule on one job's planned allocation (None: the plan changes nothing).

    In order: what is not ours to change stays as it is, but a probe does not outlast a pause;
    without telemetry or policy the job goes back to its last good allocation, else to its
    original; a step outside the limits is refused; a widening in an emergency is let through; a
    probe may not be narrower than what already missed the target, nor follow too many that did; a
    commitment has to fulfil the acceptance rule and to be worth its while.
    """
    s = situation
    stays: tuple[tuple[bool, Rule, str], ...] = (
        (not s.mode_acts, Rule.MODE, "its mode lets nothing be changed"),
        (s.held is not None, Rule.HELD, s.held or ""),
    )
    for applies, rule, reason in stays:
        if applies:
            return _keep(s, rule, reason)
    if s.paused:
        reason = "the node is paused"
        return (
            fall_back(s, limits, Rule.PAUSED, reason)
            if s.is_probing
            else _keep(s, Rule.PAUSED, reason)
        )
    if planned is not None and planned.purpose is Purpose.EMERGENCY:
        if s.original_is_better:
            reason = "nothing that may be given keeps the target; the original CPUs are faster"
            return Ruling(s.original, None, Rule.OUT_OF_REACH, reason)
        return _within(planned, s, limits) or _as_planned(planned)
    if not s.has_telemetry:
        return fall_back(s, limits, Rule.NO_TELEMETRY, "its latency or the power cannot be read")
    if not s.has_policy:
        return fall_back(s, limits, Rule.NO_POLICY, "no policy may decide on this node")
    if planned is None:
        return _keep(s, Rule.AS_PLANNED, "nothing is to change")
    refusal = _within(planned, s, limits)
    if refusal is None and planned.purpose in {Purpose.JOINT, Purpose.TRIAL}:
        refusal = _not_jointly(planned.allocation, s, evidence)
    elif refusal is None and planned.purpose is Purpose.COMMIT:
        refusal = _not_worth_committing(planned.allocation, s, limits, evidence)
    elif refusal is None:
        refusal = _not_worth_trying(planned, s, limits, evidence)
    return refusal or _as_planned(planned)


def fall_back(situation: Situation, limits: Limits, rule: Rule, reason: str) -> Ruling:
    """Go to the last good allocation, else to the original one, else stay."""
    good = situation.last_good
    if good is not None and good.cpus <= limits.allowed and len(good.cpus) >= limits.min_cpus:
        return Ruling(good.cpus, good, rule, f"{reason}; last good: {good.candidate}")
    if situation.original:
        return Ruling(situation.original, None, rule, f"{reason}; back to its original CPUs")
    return _keep(situation, rule, reason)


def _within(planned: Planned, situation: Situation, limits: Limits) -> Ruling | None:
    cpus = planned.allocation.cpus
    if not cpus:
        return _keep(situation, Rule.LIMITS, "an empty set of CPUs is never written")
    if not cpus <= limits.allowed:
        text = format_cpu_list(cpus - limits.allowed)
        return _keep(situation, Rule.LIMITS, f"CPUs {text} are not for jobs of this node")
    if not limits.min_cpus <= len(cpus) <= limits.max_cpus:
        bounds = f"{limits.min_cpus} to {limits.max_cpus}"
        return _keep(situation, Rule.LIMITS, f"{len(cpus)} CPUs are outside {bounds}")
    return None


def _not_jointly(allocation: Allocation, situation: Situation, evidence: Evidence) -> Ruling | None:
    """Whether what the plan for all jobs gives one of them is refused.

    The plan moves several jobs at once, so none can fall back by itself: what is refused stays.
    """
    candidate = allocation.candidate
    if candidate in evidence.undone:
        return _keep(situation, Rule.UNDONE, evidence.undone[candidate])
    n_now = len(situation.current)
    is_placed = situation.current_candidate is not None
    is_far = is_placed and candidate.n_cpus < LARGEST_JOINT_STEP * n_now
    if is_far and not evidence.is_verified(candidate):
        reason = f"{candidate} are less than half of the {n_now} in force, and not verified"
        return _keep(situation, Rule.STEP, reason)
    return None


def _not_worth_trying(
    planned: Planned, situation: Situation, limits: Limits, evidence: Evidence
) -> Ruling | None:
    candidate = planned.allocation.candidate
    if candidate in evidence.undone:
        return fall_back(situation, limits, Rule.UNDONE, evidence.undone[candidate])
    if evidence.is_verified(candidate):
        return None
    wider = evidence.widest_missing(candidate)
    if wider is not None:
        reason = f"{wider} already missed the target at this load"
        return fall_back(situation, limits, Rule.TOO_NARROW, reason)
    if evidence.n_unsafe >= limits.max_unsafe_probes:
        reason = f"{evidence.n_unsafe} candidates missed the target in this search"
        return fall_back(situation, limits, Rule.UNSAFE_PROBES, reason)
    if not situation.may_try:
        reason = "its budget of probes is spent for now"
        return fall_back(situation, limits, Rule.BUDGET, reason)
    measured = evidence.measured.get(candidate)
    is_over = measured is not None and not evidence.target.is_met_by(measured.mean_ms)
    if planned.purpose is Purpose.CONFIRM and is_over and evidence.has_refuge:
        reason = f"{candidate} were above the target when they were measured"
        return fall_back(situation, limits, Rule.UNVERIFIED, reason)
    if planned.purpose is Purpose.PROBE:
        return _unlikely(candidate, situation, limits, evidence)
    return _too_far(candidate, situation, limits, evidence)


def _unlikely(
    candidate: Candidate, situation: Situation, limits: Limits, evidence: Evidence
) -> Ruling | None:
    """A probe has to keep the target likely enough by the policy's own word, if another does."""
    predicted = situation.predicted.get(candidate)
    if predicted is None or candidate in evidence.measured or not evidence.has_refuge:
        return None
    p_feasible = predicted.p_within(evidence.target.latency_ms * (1 + _ROUNDING))
    if p_feasible >= limits.min_p_feasible:
        return None
    reason = (
        f"{candidate} are predicted to take {predicted.latency_ms:.3g} ms, and to keep the target "
        f"with P = {p_feasible:.2f}, not {limits.min_p_feasible:g}"
    )
    return fall_back(situation, limits, Rule.UNLIKELY, reason)


def _too_far(
    candidate: Candidate, situation: Situation, limits: Limits, evidence: Evidence
) -> Ruling | None:
    """Step limits for whatever shall stay though it is not verified: up fast, down with care."""
    n_now, measured = len(situation.current), evidence.measured.get(candidate)
    if candidate.n_cpus >= n_now:
        return None
    if measured is not None and evidence.target.is_met_by(measured.mean_ms):
        return None  # tried before, and but for its noise within the target
    predicted = situation.predicted.get(candidate)
    since = situation.since_narrowed_s
    reason = None
    if candidate.n_cpus < limits.largest_step * n_now:
        reason = f"{candidate} are less than half of the {n_now} in force, and not verified"
    elif predicted is None or not evidence.target.is_met_by(_worst_ms(predicted)):
        reason = f"{candidate} are not predicted to keep the target by 3 sigma"
    elif since is not None and since < limits.hold_s:
        reason = f"the last narrowing is {since:.0f} s ago"
    return None if reason is None else _keep(situation, Rule.STEP, reason)


def _worst_ms(predicted: Prediction) -> float:
    return predicted.latency_ms * math.exp(3 * predicted.latency_log_sigma)


def _not_worth_committing(
    allocation: Allocation, situation: Situation, limits: Limits, evidence: Evidence
) -> Ruling | None:
    candidate, current = allocation.candidate, situation.current_candidate
    if candidate in evidence.undone:
        return fall_back(situation, limits, Rule.UNDONE, evidence.undone[candidate])
    if not evidence.is_verified(candidate):
        reason = f"{candidate} do not keep the target by mean + 2 sigma / √n"
        return fall_back(situation, limits, Rule.UNVERIFIED, reason)
    measured = evidence.measured
    if current is None or current == candidate or not evidence.accepts(current):
        return None
    if candidate not in measured:
        return None
    saved = 1 - measured[candidate].power_w / measured[current].power_w
    if saved < limits.dead_band:
        return _keep(
            situation, Rule.DEAD_BAND, f"{candidate} would save {saved:.1%} of the node's power"
        )
    since = situation.since_commit_s
    if since is not None and since < limits.hold_s and candidate.n_cpus < current.n_cpus:
        return _keep(situation, Rule.HOLD_TIME, f"the last commitment is {since:.0f} s ago")
    return None


def _as_planned(planned: Planned) -> Ruling:
    return Ruling(planned.allocation.cpus, planned.allocation, Rule.AS_PLANNED, "as planned")


def _keep(situation: Situation, rule: Rule, reason: str) -> Ruling:
    return Ruling(situation.current, None, rule, reason)
