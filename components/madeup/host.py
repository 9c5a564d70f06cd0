"""The made-up node's engine: what Docker is to a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.actuation.errors import ApplyError, HostAwayError, RefusedError
from components.node.cpuset import format_cpu_list, parse_cpu_list

if TYPE_CHECKING:
    from components.actuation.host import Container
    from components.madeup.state import NodeState, Server
    from components.node.cpuset import CpuSet


class MadeUpHost:
    """Implements `Host`: sets cpusets by files, and reads the effective ones back from files."""

    def __init__(self, state: NodeState) -> None:
        self._state = state
        self.is_away = False
        """While true, every call fails as if the engine did not answer."""

    def containers(self) -> tuple[Container, ...]:
        """List running containers, managed or not."""
        self._answer()
        with self._state.settled():
            return tuple(server.container for server in self._state.servers)

    def configured_cpus(self, container_id: str) -> str:
        """The cpuset as it is set, literally; "" when none was ever set."""
        with self._state.settled():
            self._server(container_id)
            return self._state.kernel.configured(container_id)

    def effective_cpus(self, container_id: str) -> CpuSet:
        """The CPUs the made-up kernel lets the container use now."""
        with self._state.settled():
            self._server(container_id)
            return self._state.kernel.cgroup(container_id).effective_cpus()

    def apply(self, container_id: str, cpus: CpuSet) -> CpuSet:
        """Set the CPUs and return the effective ones, read back.

        Raises:
            RefusedError: the set is empty or names a CPU that is not online.
            ApplyError: another set is in force than asked for.
        """
        with self._state.changing():
            self._server(container_id)
            self._refuse_unusable(cpus)
            self._state.kernel.set_cpus(container_id, format_cpu_list(cpus))
            effective = self._state.kernel.cgroup(container_id).effective_cpus()
        if effective != cpus:
            raise ApplyError(
                f"asked for CPUs [{format_cpu_list(cpus)}] for {container_id[:12]}",
                f"in force are [{format_cpu_list(effective)}]",
                "read the cgroup again and decide anew",
            )
        return effective

    def restore(self, container_id: str, configured: str) -> CpuSet:
        """Set what `configured_cpus` once returned and read back."""
        with self._state.changing():
            self._server(container_id)
            cpus = parse_cpu_list(configured) or self._state.kernel.online
            self._refuse_unusable(cpus & self._state.kernel.online)
            self._state.kernel.set_cpus(container_id, configured)
            return self._state.kernel.cgroup(container_id).effective_cpus()

    def cpu_time_s(self, container_id: str) -> float:
        """CPU seconds all threads of the container have used, ever."""
        with self._state.settled():
            counters = self._server(container_id).counters
            self._state.kernel.write_cpu_time(container_id, counters.cpu_time_s)
            return self._state.kernel.cgroup(container_id).cpu_time_s()

    def run_queue_wait_s(self, container_id: str) -> float:
        """Seconds its threads were runnable but waiting, ever."""
        with self._state.settled():
            return self._server(container_id).counters.run_queue_wait_s

    def _answer(self) -> None:
        if self.is_away:
            raise HostAwayError(
                "asked the made-up engine", "it does not answer", "it is tried again"
            )

    def _server(self, container_id: str) -> Server:
        self._answer()
        return self._state.of(container_id)

    def _refuse_unusable(self, cpus: CpuSet) -> None:
        online = self._state.kernel.online
        if not cpus or not cpus <= online:
            raise RefusedError(
                f"asked for CPUs [{format_cpu_list(cpus)}]",
                f"online are [{format_cpu_list(online)}]",
                "ask for at least one CPU, and only for those online",
            )
