"""The last look before a write: whoever asks, only a managed container is changed, and not madly.

The rooms above have decided this already. It is checked once more where the write happens, by what
is said of the container now and not by what they remember, so that a fault of theirs stays one.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.actuation.errors import ApplyError, RefusedError
from components.node.cpuset import format_cpu_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.actuation.host import Container, Host
    from components.node.cpuset import CpuSet

log = logging.getLogger(__name__)
_NODE = ""


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """How many changes there may be in a while; far above what a loop in order makes."""

    per_container: int = 30
    per_node: int = 300
    within_s: float = 30.0


class GuardedHost:
    """A Host that refuses what must not be written; giving back an original is never refused."""

    def __init__(
        self,
        host: Host,
        *,
        is_managed: Callable[[Container], bool],
        allowed: CpuSet,
        monotonic_s: Callable[[], float],
        limits: WriteLimits | None = None,
    ) -> None:
        """Take what may be written.

        Args:
            host: does the writing.
            is_managed: whether what is said of a container now lets us change it.
            allowed: CPUs that may be given at all.
            monotonic_s: a clock.
            limits: how often.
        """
        self._host = host
        self._is_managed = is_managed
        self._allowed = allowed
        self._monotonic_s = monotonic_s
        self._limits = limits or WriteLimits()
        self._known: dict[str, Container] = {}
        self._writes: defaultdict[str, deque[float]] = defaultdict(deque)

    def containers(self) -> tuple[Container, ...]:
        """List running containers, managed or not."""
        found = self._host.containers()
        self._known = {container.id: container for container in found}
        for container_id in self._writes.keys() - self._known.keys() - {_NODE}:
            del self._writes[container_id]
        return found

    def apply(self, container_id: str, cpus: CpuSet) -> CpuSet:
        """Set the CPUs of a managed container and return the effective ones, read back.

        Raises:
            RefusedError: the container is not managed, or a CPU may not be given.
            ApplyError: there were too many changes of late; others as Host.
        """
        container = self._find(container_id)
        asked = f"asked for CPUs [{format_cpu_list(cpus)}] for {container.name}"
        if not self._is_managed(container):
            raise RefusedError(
                asked,
                "nothing says that joulepilot may change it",
                "label it joulepilot.enable=true, or see joulepilot-node status",
            )
        if not cpus <= self._allowed:
            raise RefusedError(
                asked,
                f"[{format_cpu_list(cpus - self._allowed)}] may not be given",
                f"choose from [{format_cpu_list(self._allowed)}]",
            )
        self._count(container_id, asked)
        return self._host.apply(container_id, cpus)

    def restore(self, container_id: str, configured: str) -> CpuSet:
        """Set what `configured_cpus` once returned ("" frees the container) and read back."""
        return self._host.restore(container_id, configured)

    def configured_cpus(self, container_id: str) -> str:
        """The cpuset as it is set, literally; "" when none was ever set."""
        return self._host.configured_cpus(container_id)

    def effective_cpus(self, container_id: str) -> CpuSet:
        """The CPUs the kernel lets the container use now."""
        return self._host.effective_cpus(container_id)

    def cpu_time_s(self, container_id: str) -> float:
        """CPU seconds all threads of the container have used, ever."""
        return self._host.cpu_time_s(container_id)

    def run_queue_wait_s(self, container_id: str) -> float | None:
        """Seconds its threads were runnable but waiting, ever; None where it cannot be seen."""
        return self._host.run_queue_wait_s(container_id)

    def _find(self, container_id: str) -> Container:
        container = self._known.get(container_id)
        if container is None:
            self.containers()
            container = self._known.get(container_id)
        if container is None:
            raise RefusedError(
                f"asked to change {container_id[:12]}",
                "the host lists no such container",
                "nothing: it has stopped, or was never there",
            )
        return container

    def _count(self, container_id: str, asked: str) -> None:
        """Note a write, unless there were too many; both its own and the node's."""
        now_s, limits = self._monotonic_s(), self._limits
        most = {container_id: limits.per_container, _NODE: limits.per_node}
        for key, n_most in most.items():
            recent = self._writes[key]
            while recent and recent[0] <= now_s - limits.within_s:
                recent.popleft()
            if len(recent) >= n_most:
                whose = "the node" if key == _NODE else "it"
                log.error("%s: %s changes within %g s", asked, n_most, limits.within_s)
                raise ApplyError(
                    asked,
                    f"{whose} was changed {n_most} times within {limits.within_s:g} s",
                    "something oscillates: `joulepilot-node pause`, and see its log",
                )
        for key in most:
            self._writes[key].append(now_s)
