"""Where a job is in its search, and what it wants now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.planning.guard import Rule
from components.planning.wish import Purpose
from components.policy.steps import Confirm, Infeasible, Probe, Settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.jobs.candidate import Allocation, Candidate
    from components.planning.evidence import Evidence
    from components.policy.steps import Step


class Phase(StrEnum):
    """Where a job is."""

    WATCHING = "watching"
    """No search: there is no policy, or no window yet."""
    SEARCHING = "searching"
    CONFIRMING = "confirming"
    SETTLED = "settled"
    INFEASIBLE = "infeasible"
    """Nothing meets the target; the fastest is in force."""
    BACKED_OFF = "backed-off"
    """A canary that missed the target: back to what was good before, until the next release."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a job wants now."""

    purpose: Purpose
    candidate: Candidate | None
    propensity: float
    reason: str
    number: int
    """Counts the decisions of the job."""


def phase_of(step: Step) -> Phase:
    """Where a search is that asks for this."""
    match step:
        case Probe():
            return Phase.SEARCHING
        case Confirm():
            return Phase.CONFIRMING
        case Settled():
            return Phase.SETTLED
        case Infeasible():
            return Phase.INFEASIBLE


def wish_of(step: Step | None) -> tuple[Purpose, Candidate | None, float]:
    """Purpose, candidate and propensity of what a search asks for.

    The fastest of those that all miss the target is an emergency: it fulfils no acceptance rule.
    """
    match step:
        case None:
            return Purpose.KEEP, None, 1.0
        case Probe():
            return Purpose.PROBE, step.candidate, step.propensity
        case Confirm():
            return Purpose.CONFIRM, step.candidate, 1.0
        case Settled():
            return Purpose.COMMIT, step.candidate, 1.0
        case Infeasible():
            return Purpose.EMERGENCY, step.candidate, 1.0


def proven_step(
    rule: Rule,
    in_force: Candidate | None,
    best: Allocation | None,
    evidence: Evidence,
    reason: str,
) -> Step | None:
    """What a search ends with that the guard bars: what is accepted, else the fastest seen."""
    measured = evidence.measured
    if rule is Rule.DEAD_BAND and in_force is not None:
        return Settled(in_force, reason)
    if rule is Rule.LIMITS:
        return None
    if best is not None:
        return Settled(best.candidate, reason)
    fastest = min(measured, key=lambda candidate: measured[candidate].mean_ms, default=None)
    return None if fastest is None else Infeasible(fastest, reason)


def way_out(evidence: Evidence, candidate: Candidate, widest: Candidate) -> Candidate:
    """Where to go at once from what misses: what lately kept this load, else all CPUs."""
    proven = evidence.cheapest_proven()
    return proven if proven is not None and proven.n_cpus > candidate.n_cpus else widest


def widest_of(candidates: Iterable[Candidate]) -> Candidate:
    """The one with the most CPUs."""
    return max(candidates, key=lambda candidate: candidate.n_cpus)


def as_narrow(candidates: Iterable[Candidate], candidate: Candidate) -> set[Candidate]:
    """Those of the same layout with as few CPUs or fewer."""
    return {c for c in candidates if c.layout is candidate.layout and c.n_cpus <= candidate.n_cpus}
