"""A managed container whose work may wait, as its owner described it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.errors import JobError
from components.jobs.job import Mode

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeferredJob:
    """Work that is to be done by a time, and has no latency; nothing here is measured."""

    name: str
    until: datetime
    """Its deadline, with a time zone."""
    work_cpu_s: float
    """CPU seconds it takes from its container's start to its end."""
    min_cpus: int = 1
    """Fewer it is not given while it runs; it may be paused."""
    max_cpus: int | None = None
    """None: all that is left over."""
    mode: Mode = Mode.AUTO
    priority: int = 0

    def __post_init__(self) -> None:
        if self.min_cpus < 1 or (self.max_cpus is not None and self.max_cpus < self.min_cpus):
            raise JobError(
                f"asked for {self.min_cpus} to {self.max_cpus} CPUs for job {self.name!r}",
                "that cannot be",
                "give 1 ≤ min-cpus ≤ max-cpus",
            )
