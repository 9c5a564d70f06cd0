"""What the guard is told of a job, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.candidate import Allocation, Candidate, Prediction
    from components.node.cpuset import CpuSet


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
    UNLIKELY = "unlikely"
    STEP = "step"
    BUDGET = "budget"
    UNVERIFIED = "unverified"
    OUT_OF_REACH = "out-of-reach"
    DEAD_BAND = "dead-band"
    HOLD_TIME = "hold-time"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one job on this node."""

    allowed: CpuSet
    """CPUs that exist, are online and not kept for the system."""
    min_cpus: int
    max_cpus: int
    max_unsafe_probes: int = 2
    """Candidates that may turn out to miss the target at one load, before only verified ones are
    let through."""
    min_p_feasible: float = 0.5
    """Least probability, by the policy's own word, that a probe keeps the target if another
    allocation does."""
    dead_band: float = 0.01
    """Least share of node power a move between verified allocations must save."""
    hold_s: float = 30.0
    """Least time between two narrowings by commitment."""
    largest_step: float = 0.5
    """Least share of its CPUs that a job keeps when it goes to an allocation not yet verified."""


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
    since_narrowed_s: float | None = None
    """Seconds since the last narrowing to an allocation not yet verified; None before it."""
    original_is_better: bool = False
    """Whether nothing of ours keeps the target, and the original CPUs may do better."""
    may_try: bool = True
    """Whether its budget of moves lets a probe through now."""
    predicted: Mapping[Candidate, Prediction] = field(default_factory=dict)
    """What the policy believes of candidates; checked as far as it can be, trusted no further."""


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
