"""What an executor is wired to; the real node, plain processes and the made-up node alike."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.actuation.freezing import Freezer
    from components.actuation.host import Container, Host
    from components.executor.clock import Clock
    from components.jobs.job import Job
    from components.node.fingerprint import NodeIdentity
    from components.node.topology import Topology
    from components.telemetry.heartbeat import Heartbeat
    from components.telemetry.meters import CpuTimes, LatencySource, PowerMeter
    from components.telemetry.sample import Origin, Sample
    from components.telemetry.served_devices import DeviceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    """One node: its time, its jobs, its meters, and what it is."""

    name: str
    clock: Clock
    host: Host
    cpu_times: CpuTimes
    power: PowerMeter
    latency_source: Callable[[Container, Job], LatencySource]
    """Opens the meter of one job.

    Raises:
        MeterError: what its `metrics` says is not understood.
    """
    topology: Topology
    identity: NodeIdentity
    origin: Origin
    read_identity: Callable[[], NodeIdentity] | None = None
    """Reads again what the node is; None: it never changes."""
    changed: Callable[[], bool] | None = None
    """Whether containers came or went since this was asked last; None: nobody tells."""
    freezer: Freezer | None = None
    """Pauses containers; None: nothing on this node can."""
    sysfs: Path | None = None
    """Where frequencies are set; None: nowhere."""
    served_devices: Callable[[Container, Job], DeviceSource] | None = None
    """Opens what one job's server says of its devices; None: nothing on this node says it."""


class Publisher(Protocol):
    """Takes what leaves the node; never blocks."""

    def sample(self, sample: Sample) -> None:
        """Publish a sample."""
        ...

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """Publish a heartbeat."""
        ...

    def close(self) -> None:
        """Send what is left, and stop."""
        ...


@dataclass(slots=True)
class KeptEvents:
    """Keeps the newest events in memory: for a node without a hub, and for tests."""

    most: int = 10_000
    samples: deque[Sample] = field(default_factory=deque)
    heartbeats: deque[Heartbeat] = field(default_factory=deque)

    def sample(self, sample: Sample) -> None:
        """Keep a sample."""
        self.samples.append(sample)
        if len(self.samples) > self.most:
            self.samples.popleft()

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """Keep a heartbeat."""
        self.heartbeats.append(heartbeat)
        if len(self.heartbeats) > self.most:
            self.heartbeats.popleft()

    def close(self) -> None:
        """Keep what was kept."""
