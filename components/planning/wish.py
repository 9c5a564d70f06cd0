"""What jobs ask of the plan, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.candidate import Allocation, Candidate
    from components.node.cpuset import CpuSet


class Purpose(StrEnum):
    """Why a job wishes for a candidate."""

    KEEP = "keep"
    """Nothing is to change."""
    PROBE = "probe"
    """Try it for a window; one job of a node at a time."""
    CONFIRM = "confirm"
    """Hold it for several windows: is it as good as it looked?"""
    COMMIT = "commit"
    """Stay with it."""
    JOINT = "joint"
    """What the plan for all jobs together gives, whatever the job asked for."""
    TRIAL = "trial"
    """A probe that the plan for all jobs asks for itself."""
    EMERGENCY = "emergency"
    """The target is missed: widen now."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one job asks for."""

    job: str
    purpose: Purpose
    candidate: Candidate | None
    """None only for KEEP."""
    current: CpuSet
    """The CPUs in force."""
    is_placed: bool
    """Whether we gave it these CPUs; others keep clear of them. A job that still has what its
    owner gave it (mostly all CPUs) stands in nobody's way."""
    priority: int = 0
    is_fulfilled: bool = False
    """Whether the candidate is in force already for this purpose, and only time is needed."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What the plan gives one job."""

    job: str
    purpose: Purpose
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Plan:
    """The allocations to change, in the order to change them, and what was denied and why."""

    changes: tuple[Planned, ...] = ()
    denials: Mapping[str, str] = field(default_factory=dict)
    prober: str | None = None
    """The job that may probe."""
