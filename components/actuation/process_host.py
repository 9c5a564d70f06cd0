"""Plain processes, declared by a small JSON file each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.actuation.host import Container
    from components.node.cpuset import CpuSet


def declare(
    registry: Path, name: str, pid: int, *, labels: Mapping[str, str], program: str
) -> Path:
    """Write the file that makes a running process a job of this node; remove it to end that."""
    raise NotImplementedError


class ProcessHost:
    """Host of declared processes; CPUs are set and read as the affinity of all their threads."""

    def __init__(
        self, registry: Path, *, proc: Path = Path("/proc"), sysfs: Path = Path("/sys")
    ) -> None:
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
