"""What a search asks for next, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.jobs.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of a candidate over one window."""

    candidate: Candidate
    latency_ms: float
    """The target's statistic."""
    power_w: float
    """Mean power of the whole node."""
    n_windows: float = 1.0
    """How many plain windows of time went into it; a longer one counts more."""
    cut_short: bool = False
    """The window was ended at its first violating tick."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Try a candidate for a window (also again, when one window did not decide)."""

    candidate: Candidate
    p_feasible: float
    propensity: float
    reason: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """Hold a candidate for several windows: is it as good as it looked?"""

    candidate: Candidate
    n_windows: int
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The search is over: keep this."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class Infeasible:
    """Nothing meets the target; this is the fastest that was seen."""

    candidate: Candidate
    reason: str


Step = Probe | Confirm | Settled | Infeasible
