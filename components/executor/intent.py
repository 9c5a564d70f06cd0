"""Where a job is in its search, and what it wants now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.jobs.candidate import Candidate
    from components.planning.wish import Purpose


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
