"""One job whose work may wait, while the executor runs: what it did, and what it has now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.node.cpuset import format_cpu_list
from components.planning.deferring import Verdict, Work

if TYPE_CHECKING:
    from components.executor.jobs_in_charge import ManagedWork
    from components.node.cpuset import CpuSet

LEAST_SEEN_S = 2.0
"""Over less time a rate says little."""
_NEW_SHARE = 0.5
"""Of a rate just seen, in the mean of what was seen."""
_LEAST_RATE = 0.02
_LEAST_LEFT = 0.02
"""Share of its work that is taken to be left while it goes on past all that was declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkStatus:
    """One job whose work may wait, as `status` shows it."""

    name: str
    state: str
    """`running` or `waiting`."""
    until: datetime
    done_cpu_s: float
    work_cpu_s: float
    cpuset: str
    """Empty while it waits."""
    is_late: bool
    reason: str


@dataclass(slots=True)
class WorkRun:
    """Everything that is known of it."""

    managed: ManagedWork
    cpus: CpuSet
    """In force, read back."""
    is_frozen: bool = False
    done_cpu_s: float = 0.0
    rates: dict[int, float] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=lambda: Verdict(0, "it was not looked at yet"))
    trouble: str | None = None
    _since: tuple[float, float] | None = None
    """From when on it ran as it does now, and the CPU seconds it had done by then."""

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.managed.job.name

    @property
    def n_cpus(self) -> int:
        """What it runs on; 0 while it is paused."""
        return 0 if self.is_frozen else len(self.cpus)

    @property
    def left_cpu_s(self) -> float:
        """CPU seconds it still takes, never quite none: it goes on until it ends by itself."""
        work = self.managed.job.work_cpu_s
        return max(work - self.done_cpu_s, _LEAST_LEFT * work)

    def saw(self, done_cpu_s: float, at_s: float) -> None:
        """Take in how much it has done, and how fast it was."""
        self.done_cpu_s = done_cpu_s
        if self._since is None or self.is_frozen:
            self._since = (at_s, done_cpu_s)
            return
        since_s, before_cpu_s = self._since
        if at_s - since_s < LEAST_SEEN_S:
            return
        rate = max((done_cpu_s - before_cpu_s) / (at_s - since_s), _LEAST_RATE)
        known = self.rates.get(self.n_cpus, rate)
        self.rates[self.n_cpus] = (1.0 - _NEW_SHARE) * known + _NEW_SHARE * rate
        self._since = (at_s, done_cpu_s)

    def runs_on(self, cpus: CpuSet, *, is_frozen: bool) -> None:
        """Note what is in force from now on."""
        if (cpus, is_frozen) != (self.cpus, self.is_frozen):
            self.cpus, self.is_frozen, self._since = cpus, is_frozen, None

    def work(self) -> Work:
        """As the plan sees it."""
        job = self.managed.job
        return Work(
            job.name,
            self.left_cpu_s,
            job.until.timestamp(),
            self.n_cpus,
            job.min_cpus,
            job.max_cpus,
            self.rates,
            job.priority,
        )

    def status(self) -> WorkStatus:
        """As it is now, for people."""
        job = self.managed.job
        return WorkStatus(
            name=job.name,
            state="waiting" if self.is_frozen else "running",
            until=job.until,
            done_cpu_s=self.done_cpu_s,
            work_cpu_s=job.work_cpu_s,
            cpuset="" if self.is_frozen else format_cpu_list(self.cpus),
            is_late=self.verdict.is_late,
            reason=self.trouble or self.verdict.reason,
        )

    def explain(self) -> str:
        """Why it has what it has, for people."""
        job, verdict = self.managed.job, self.verdict
        has = "paused" if self.is_frozen else f"on CPUs {format_cpu_list(self.cpus)}"
        lines = [
            f"{job.name}: to be done by {job.until.isoformat(timespec='seconds')}, mode {job.mode}",
            f"done: {self.done_cpu_s:.0f} of {job.work_cpu_s:.0f} CPU seconds",
            f"now: {has}, because: {verdict.reason}",
        ]
        if verdict.begins_s is not None:
            begin = datetime.fromtimestamp(verdict.begins_s, tz=UTC)
            lines.append(f"goes on: {begin.isoformat(timespec='seconds')}, as far as is known now")
        if verdict.is_late:
            lines.append("LATE: it is not done by its deadline, as far as can be seen")
        if self.trouble is not None:
            lines.append(f"trouble: {self.trouble}")
        return "\n".join(lines)
