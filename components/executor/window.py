"""A closed window of one job: everything that was observed in it, joined."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.executor.node_meter import NodeReading, mean_power_w

if TYPE_CHECKING:
    from components.jobs.target import Target
    from components.node.cpuset import CpuSet
    from components.telemetry.meters import LatencySnapshot
    from components.telemetry.window import LatencyWindow


@dataclass(frozen=True, slots=True)
class JobReading:
    """A job's counters at one instant, with the node's."""

    node: NodeReading
    now_s: float
    """Seconds since the epoch, UTC."""
    latency: LatencySnapshot
    cpu_time_s: float
    managed_cpu_s: float
    """CPU seconds of this job, and of other managed jobs as far as they are on its CPUs."""
    run_queue_wait_s: float | None


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """What was observed of a job while nothing about its CPUs changed."""

    start: datetime
    elapsed_s: float
    n_windows: float
    """How many plain windows it is worth: by its length, or its requests where they are fewer."""
    latency: LatencyWindow
    power_w: float | None
    cpu_utilization: tuple[float, ...] | None
    own_cpu_s: float
    """CPU seconds that the job used in it."""
    contended: bool | None
    is_judgeable: bool
    """Whether enough was answered to judge the target's statistic."""
    cut_short: bool

    @property
    def busy_cpu_s(self) -> float | None:
        """CPU seconds that all CPUs of the node were busy; None where that was not seen."""
        used = self.cpu_utilization
        return None if used is None else sum(used) * self.elapsed_s

    @property
    def end_s(self) -> float:
        """Seconds since the epoch, UTC."""
        return self.start.timestamp() + self.elapsed_s

    def statistic_ms(self, target: Target) -> float | None:
        """The latency the target speaks of; None while nothing was answered."""
        return self.latency.latency_ms(target.statistic)


def utc(now_s: float) -> datetime:
    """Seconds since the epoch as a time."""
    return datetime.fromtimestamp(now_s, tz=UTC)


def power_between(before: JobReading, after: JobReading) -> float | None:
    """Mean power of the node between two readings; never negative, None if not positive."""
    power_w = mean_power_w(before.node, after.node)
    return power_w if power_w is not None and power_w > 0 else None


def is_contended(
    before: JobReading, after: JobReading, cpus: CpuSet, own_cpu_s: float, threshold: float
) -> bool | None:
    """Whether strangers used so much of a job's CPUs that the window says little of the job.

    Args:
        before: the reading at the window's start.
        after: the reading at its end.
        cpus: the CPUs in force.
        own_cpu_s: CPU seconds that managed jobs used on these CPUs.
        threshold: share of the CPUs' time from which strangers count.

    Returns:
        None where CPU times or the wait for a CPU cannot be seen.
    """
    elapsed_s = after.node.at_s - before.node.at_s
    busy_0, busy_1 = before.node.busy_s, after.node.busy_s
    wait_0, wait_1 = before.run_queue_wait_s, after.run_queue_wait_s
    if busy_0 is None or busy_1 is None or wait_0 is None or wait_1 is None or not elapsed_s > 0:
        return None
    busy_s = sum(busy_1.get(cpu, 0.0) - busy_0.get(cpu, 0.0) for cpu in cpus)
    strangers = (busy_s - own_cpu_s) / (elapsed_s * max(len(cpus), 1))
    waited = (wait_1 - wait_0) / max(after.cpu_time_s - before.cpu_time_s, 1e-9)
    return strangers > threshold and waited > threshold / 2
