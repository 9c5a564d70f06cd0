"""The port to whatever holds the jobs: the Docker engine, plain processes, a made-up node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.node.cpuset import CpuSet


@dataclass(frozen=True, slots=True)
class Container:
    """A running container (or process) as its host describes it."""

    id: str
    name: str
    image: str
    """Name of the image, or of the program."""
    image_digest: str
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"
    """Where ports of the container are reached from this host; "" when they cannot be."""


class Host(Protocol):
    """Holds containers and changes what they run on. Nothing is assumed: what is set is read back.

    Every method raises HostAwayError when the engine does not answer, and ContainerGoneError when
    the container is not there any more or not running.
    """

    def containers(self) -> tuple[Container, ...]:
        """List running containers, managed or not."""
        ...

    def configured_cpus(self, container_id: str) -> str:
        """The cpuset as it is set, literally, for the journal; "" when none was ever set."""
        ...

    def effective_cpus(self, container_id: str) -> CpuSet:
        """The CPUs the kernel lets the container use now."""
        ...

    def apply(self, container_id: str, cpus: CpuSet) -> CpuSet:
        """Set the CPUs and return the effective ones, read back.

        Raises:
            RefusedError: the set is empty or not within the CPUs this host may use.
            ApplyError: the kernel uses another set than asked for.
        """
        ...

    def restore(self, container_id: str, configured: str) -> CpuSet:
        """Set what `configured_cpus` once returned ("" frees the container) and read back."""
        ...

    def cpu_time_s(self, container_id: str) -> float:
        """CPU seconds all threads of the container have used, ever."""
        ...

    def run_queue_wait_s(self, container_id: str) -> float | None:
        """Seconds its threads were runnable but waiting, ever; None where it cannot be seen."""
        ...
