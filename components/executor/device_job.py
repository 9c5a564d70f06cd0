"""What is known of one job's devices, and the hint that is under way."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.executor.device_steering import Seen
from components.jobs.candidate import Candidate

if TYPE_CHECKING:
    from pathlib import Path

    from components.executor.device_steering import DeviceSteering, Move
    from components.executor.job_run import JobRun
    from components.executor.window import ClosedWindow
    from components.telemetry.served_devices import DeviceSource, ServedDevices

N_REMEMBERED = 50
N_TOLD = 5


@dataclass(frozen=True, slots=True)
class Pending:
    """A hint that was written and that the server has not followed yet."""

    move: Move
    came_from: str
    probe_id: str
    since_s: float
    batch: int
    met_target: bool
    """Before it."""


@dataclass(slots=True)
class JobDevices:
    """One job whose device is chosen."""

    source: DeviceSource
    steering: DeviceSteering
    folder: Path
    """Its hint directory."""
    container_id: str
    served: ServedDevices | None = None
    """What its server said last."""
    seen: Seen | None = None
    """What the last window said; None once it was thought about."""
    pending: Pending | None = None
    written: str | None = None
    """Our last hint; None while we wrote none."""
    trouble: str | None = None
    left_alone_until_s: float = 0.0
    n_hints: int = 0
    history: deque[str] = field(default_factory=lambda: deque(maxlen=N_REMEMBERED))
    """What happened, newest last, in words."""

    @property
    def reason(self) -> str:
        """Why the device in force is in force, in a sentence."""
        if self.trouble is not None:
            return self.trouble
        if self.pending is not None:
            return f"asked for {self.pending.move.device}: {self.pending.move.reason}"
        return self.steering.reason

    def lines(self) -> tuple[str, ...]:
        """All about it, for its operator."""
        if self.served is None:
            return (f"device: {self.reason}",)
        absent = [f"  {device} is absent: {why}" for device, why in self.served.absent.items()]
        return (
            f"device: {self.served.in_force} of {', '.join(self.served.held)}; {self.reason}",
            *absent,
            *(f"  {line}" for line in list(self.history)[-N_TOLD:]),
        )


def cpus_of(run: JobRun) -> Candidate:
    """The CPUs a job has, as a candidate; of no layout of ours they count as compact."""
    in_force = run.in_force
    if in_force.candidate is not None and in_force.candidate.n_cpus == len(in_force.cpus):
        return in_force.candidate
    return Candidate(len(in_force.cpus))


def seen_in(run: JobRun, window: ClosedWindow, device: str, at_s: float) -> Seen | None:
    """What a closed window says of a job's device; None where it proves nothing."""
    latency = window.latency
    mean_ms, image_ms = latency.mean_ms, window.statistic_ms(run.job.target)
    if not window.is_judgeable or mean_ms is None or image_ms is None:
        return None
    batch = max(round(latency.n_images / latency.n_requests), 1)
    return Seen(
        device=device,
        batch=batch,
        image_ms=image_ms,
        batch_ms=mean_ms * batch,
        rate_per_s=latency.n_received / latency.elapsed_s,
        meets_target=run.job.target.is_met_by(image_ms),
        at_s=at_s,
    )
