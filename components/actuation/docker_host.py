"""Containers of a Docker engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.actuation.host import Container
    from components.node.cpuset import CpuSet


class DockerHost:
    """Host by the Engine API on its socket; what is in force is read from cgroup files."""

    def __init__(
        self,
        socket: Path = Path("/var/run/docker.sock"),
        *,
        proc: Path = Path("/proc"),
        sysfs: Path = Path("/sys"),
        cgroup: Path = Path("/sys/fs/cgroup"),
        timeout_s: float = 10.0,
    ) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError

    def containers(self) -> tuple[Container, ...]:
        """List running containers."""
        raise NotImplementedError

    def configured_cpus(self, container_id: str) -> str:
        """The engine's `CpusetCpus`, literally."""
        raise NotImplementedError

    def effective_cpus(self, container_id: str) -> CpuSet:
        """The effective cpuset of the container's cgroup."""
        raise NotImplementedError

    def apply(self, container_id: str, cpus: CpuSet) -> CpuSet:
        """Set the cpuset where that changes anything, and read back."""
        raise NotImplementedError

    def restore(self, container_id: str, configured: str) -> CpuSet:
        """Set what `configured_cpus` once returned, also on a stopped container."""
        raise NotImplementedError

    def cpu_time_s(self, container_id: str) -> float:
        """CPU seconds of the container's cgroup."""
        raise NotImplementedError

    def run_queue_wait_s(self, container_id: str) -> float | None:
        """Seconds its threads waited for a CPU."""
        raise NotImplementedError
