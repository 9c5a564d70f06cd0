"""Gathers what one block of the whole node shows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.executor.intent import Phase
from components.planning.comparison import Block

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.executor.job_run import JobRun
    from components.executor.window import ClosedWindow


@dataclass(slots=True)
class _JobSum:
    images: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class Gathered:
    """Sums over the windows of one block."""

    was_settled: bool
    n_refused_before: int
    joules: float = 0.0
    seconds: float = 0.0
    n_windows: int = 0
    n_missed: int = 0
    lateness: float = 0.0
    jobs: dict[str, _JobSum] = field(default_factory=dict)

    def note(self, run: JobRun, window: ClosedWindow) -> None:
        """Take in a closed window of a job; one that says nothing is left out."""
        target = run.job.target
        latency_ms = window.statistic_ms(target)
        if not window.is_judgeable or latency_ms is None or window.power_w is None:
            return
        self.joules += window.power_w * window.elapsed_s
        self.seconds += window.elapsed_s
        job = self.jobs.setdefault(run.name, _JobSum())
        job.images += window.latency.n_images
        job.seconds += window.elapsed_s
        self.n_windows += 1
        self.n_missed += not target.is_met_by(latency_ms)
        self.lateness += max(math.log(latency_ms / target.latency_ms), 0.0)

    def close(self, runs: Iterable[JobRun], *, is_challenger: bool) -> Block | None:
        """Sum up; None where no window was seen."""
        if not self.n_windows:
            return None
        runs = tuple(runs)
        rate_per_s = sum(job.images / job.seconds for job in self.jobs.values())
        return Block(
            is_challenger=is_challenger,
            is_settled=self.was_settled and are_settled(runs),
            joules_per_image=self.joules / self.seconds / rate_per_s if rate_per_s > 0 else None,
            lateness=self.lateness / self.n_windows,
            violations=self.n_missed / self.n_windows,
            n_overruled=n_refused(runs) - self.n_refused_before,
        )


def open_block(runs: Iterable[JobRun]) -> Gathered:
    """Begin to gather."""
    runs = tuple(runs)
    return Gathered(are_settled(runs), n_refused(runs))


def are_settled(runs: Iterable[JobRun]) -> bool:
    """Whether no job that may be changed is being searched for."""
    settled = {Phase.SETTLED, Phase.INFEASIBLE}
    return all(run.decision.phase in settled for run in runs if run.acts)


def n_refused(runs: Iterable[JobRun]) -> int:
    """How often the guard ruled against the minds that decide now."""
    return sum(run.decision.n_refused for run in runs)
