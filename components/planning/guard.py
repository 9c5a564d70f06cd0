"""The last word: what may really be applied. It may overrule anything; it asks no policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.node.cpuset import format_cpu_list
from components.planning.wish import Purpose

if TYPE_CHECKING:
    from components.jobs.candidate import Allocation, Candidate
    from components.node.cpuset import CpuSet
    from components.planning.evidence import Evidence
    from components.planning.wish import Planned


class Rule(StrEnum):
    """By which rule the guard ruled."""

    AS_PLANNED = "as-planned"
    MODE = "mode"
    PAUSED = "paused"
    HELD = "held"
    NO_TELEMETRY = "no-telemetry"
    NO_POLICY = "no-policy"
    LIMITS = "limits"
    UNDONE = "undone"
    TOO_NARROW = "too-narrow"
    UNSAFE_PROBES = "unsafe-probes"
    UNVERIFIED = "unverified"
    DEAD_BAND = "dead-band"
    HOLD_TIME = "hold-time"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one job on this node."""

    allowed: CpuSet
    """CPUs that exist, are online and not kept for the system."""
    min_cpus: int
    max_cpus: int
    max_unsafe_probes: int = 3
    """Candidates of one search that may turn out to miss the target before only verified ones
    are let through. The search has a smaller limit of its own; this one holds for any policy."""
    dead_band: float = 0.01
    """Least share of node power a move between verified allocations must save."""
    hold_s: float = 30.0
    """Least time between two narrowings by commitment."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is true of one job now."""

    mode_acts: bool
    paused: bool
    held: str | None
    """Who holds the job where it is, and why; None when nobody does."""
    has_policy: bool
    has_telemetry: bool
    current: CpuSet
    current_candidate: Candidate | None
    """None where the CPUs in force are no candidate of ours."""
    is_probing: bool
    """Whether what is in force is only being tried."""
    last_good: Allocation | None
    """The allocation that met the target last, at any load; None before the first."""
    original: CpuSet
    """CPUs the job had before we touched it, as far as they are online."""
    since_commit_s: float | None
    """Seconds since the last commitment; None before the first."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is to be in force, and why."""

    cpus: CpuSet
    allocation: Allocation | None
    """None where the CPUs are the original ones or stay as they are."""
    rule: Rule
    reason: str

    @property
    def is_overruled(self) -> bool:
        """Whether something else was planned."""
        return self.rule is not Rule.AS_PLANNED


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
        return _within(planned, s, limits) or _as_planned(planned)
    if not s.has_telemetry:
        return fall_back(s, limits, Rule.NO_TELEMETRY, "its latency or the power cannot be read")
    if not s.has_policy:
        return fall_back(s, limits, Rule.NO_POLICY, "no policy may decide on this node")
    if planned is None:
        return _keep(s, Rule.AS_PLANNED, "nothing is to change")
    refusal = _within(planned, s, limits)
    if refusal is None and planned.purpose is Purpose.COMMIT:
        refusal = _not_worth_committing(planned.allocation, s, limits, evidence)
    elif refusal is None:
        refusal = _not_worth_trying(planned.allocation, s, limits, evidence)
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


def _not_worth_trying(
    allocation: Allocation, situation: Situation, limits: Limits, evidence: Evidence
) -> Ruling | None:
    candidate = allocation.candidate
    if evidence.accepts(candidate):
        return None
    if candidate in evidence.undone:
        return fall_back(situation, limits, Rule.UNDONE, evidence.undone[candidate])
    wider = evidence.widest_missing(candidate)
    if wider is not None:
        reason = f"{wider} already missed the target at this load"
        return fall_back(situation, limits, Rule.TOO_NARROW, reason)
    if evidence.n_unsafe > limits.max_unsafe_probes:
        reason = f"{evidence.n_unsafe} candidates missed the target in this search"
        return fall_back(situation, limits, Rule.UNSAFE_PROBES, reason)
    return None


def _not_worth_committing(
    allocation: Allocation, situation: Situation, limits: Limits, evidence: Evidence
) -> Ruling | None:
    candidate, current = allocation.candidate, situation.current_candidate
    if candidate in evidence.undone:
        return fall_back(situation, limits, Rule.UNDONE, evidence.undone[candidate])
    if not evidence.accepts(candidate):
        reason = f"{candidate} do not keep the target by mean + 2 sigma / √n"
        return fall_back(situation, limits, Rule.UNVERIFIED, reason)
    if current is None or current == candidate or not evidence.accepts(current):
        return None
    measured = evidence.measured
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
