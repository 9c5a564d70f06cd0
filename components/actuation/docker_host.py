"""Containers of a Docker engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from components.actuation.available import checked_cpus, read_back
from components.actuation.cgroups import Cgroup, find_cgroup
from components.actuation.claims import Claims
from components.actuation.container_list import read_containers
from components.actuation.engine_pool import EnginePool
from components.actuation.errors import (
    ApplyError,
    ContainerGoneError,
    EngineFailedError,
    HostAwayError,
    RefusedError,
)
from components.actuation.gpu_trap import GPU_TRAP, GPU_TRAP_REMEDY, uses_legacy_hook
from components.actuation.run_queue import RunQueueWait
from components.node.cpuset import CpuSet, format_cpu_list, parse_cpu_list
from components.node.topology import read_online

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.actuation.host import Container

T = TypeVar("T")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class _Inspected:
    """What the engine says of one container."""

    id: str
    pid: int
    """0 when it has no process: stopped, or between two starts."""
    cpuset: str
    """`CpusetCpus`, literally."""
    is_paused: bool = False
    is_gpu_by_hook: bool = False
    """Whether an update can take its GPU away, by how systemd owns cgroups."""


class DockerHost:
    """Host by the Engine API on its socket; what is in force is read from cgroup files.

    The engine writes (what is written to cgroups beside it is undone by its next update), the
    cgroup says what is true (the engine answers 200 and the kernel may still use another set).
    An update costs the host some 11 ms of CPU time, so none is sent that changes nothing.
    """

    def __init__(
        self,
        socket: Path = Path("/var/run/docker.sock"),
        *,
        proc: Path = Path("/proc"),
        sysfs: Path = Path("/sys"),
        cgroup: Path = Path("/sys/fs/cgroup"),
        timeout_s: float = 10.0,
    ) -> None:
        self._engine = EnginePool(socket, timeout_s)
        self._proc = proc
        self._sysfs = sysfs
        self._cgroup_root = cgroup
        self._cgroups: dict[str, Cgroup] = {}
        self._waits: dict[str, RunQueueWait] = {}
        self._claims = Claims(proc)

    def close(self) -> None:
        """Close all connections, and leave all containers to others."""
        self._engine.close()
        self._claims.keep(())

    def containers(self) -> tuple[Container, ...]:
        """List running containers (also paused ones).

        Raises:
            HostAwayError: the engine does not answer.
        """
        found = read_containers(self._engine.get("/containers/json"))
        running = {container.id for container in found}
        self._cgroups = {c: kept for c, kept in self._cgroups.items() if c in running}
        self._waits = {c: kept for c, kept in self._waits.items() if c in running}
        self._claims.keep(running)
        return found

    def configured_cpus(self, container_id: str) -> str:
        """The engine's `CpusetCpus`, literally; "" when none was ever set."""
        return self._inspect(container_id).cpuset

    def effective_cpus(self, container_id: str) -> CpuSet:
        """The effective cpuset of the container's cgroup."""
        return self._read(container_id, Cgroup.effective_cpus)

    def cpu_time_s(self, container_id: str) -> float:
        """CPU seconds of the container's cgroup, ended processes included."""
        return self._read(container_id, Cgroup.cpu_time_s)

    def run_queue_wait_s(self, container_id: str) -> float | None:
        """Seconds its threads waited for a CPU; None where the kernel does not show it."""
        pids = self._read(container_id, Cgroup.pids)
        if pids is None:
            return None
        return self._waits.setdefault(container_id, RunQueueWait()).update(self._proc, pids)

    def is_frozen(self, container_id: str) -> bool:
        """Whether the engine says that it is paused."""
        return self._inspect_running(container_id).is_paused

    def freeze(self, container_id: str) -> None:
        """Pause all its processes.

        Raises: as `apply`.
        """
        self._switch(container_id, "pause", is_frozen=True)

    def thaw(self, container_id: str) -> None:
        """Let all its processes go on.

        Raises: as `apply`.
        """
        self._switch(container_id, "unpause", is_frozen=False)

    def apply(self, container_id: str, cpus: CpuSet) -> CpuSet:
        """Set the cpuset where that changes anything, and read back.

        Raises:
            RefusedError: the set is empty, or not within the CPUs that are online and that the
                container's parent may give it; or another executor changes it, or the engine
                refuses.
            ApplyError: the kernel uses another set than asked for, or the engine failed.
            ContainerGoneError: it is not there any more, or not running.
            HostAwayError: the engine does not answer.
        """
        inspected = self._inspect_running(container_id)
        cgroup = self._find(inspected)
        self._refuse_trap(inspected)
        checked_cpus(cpus, self._available(cgroup), inspected.id)
        self._claims.take(inspected.id, cgroup.cpuset)
        is_configured = not inspected.cpuset or parse_cpu_list(inspected.cpuset) == cpus
        if not (is_configured and cgroup.effective_cpus() == cpus):
            self._update(inspected.id, format_cpu_list(cpus))
        return read_back(cgroup.effective_cpus, cpus, inspected.id)

    def restore(self, container_id: str, configured: str) -> CpuSet:
        """Set what `configured_cpus` once returned, also on a stopped container.

        To the engine "" means "leave as it is": a container that had no cpuset gets every CPU
        its parent may give it, written out. CPUs that are not available any more are left out.

        Returns:
            The effective CPUs, read back; of a stopped container those it will start with.

        Raises: as `apply`.
        """
        inspected = self._inspect(container_id)
        if not inspected.pid:
            return self._restore_stopped(inspected, configured)
        cgroup = self._find(inspected)
        self._claims.take(inspected.id, cgroup.cpuset)
        available = self._available(cgroup)
        wanted = parse_cpu_list(configured) & available or available
        is_literal = wanted == parse_cpu_list(configured)
        text = configured if is_literal else format_cpu_list(wanted)
        # also where it seems so already: what a writer asked for before it was killed may still
        # wait in the engine, which does one update of a container after the other
        self._update(inspected.id, text)
        cpus = read_back(cgroup.effective_cpus, wanted, inspected.id)
        self._claims.leave(inspected.id)
        return cpus

    def _switch(self, container_id: str, verb: str, *, is_frozen: bool) -> None:
        inspected = self._inspect_running(container_id)
        if inspected.is_paused is not is_frozen:
            said = "it answered that it had"
            try:
                self._engine.post(f"/containers/{inspected.id}/{verb}", {})
            except (EngineFailedError, RefusedError) as error:
                said = error.found  # also that it is so already, when it was asked twice
            if self.is_frozen(container_id) is not is_frozen:
                raise ApplyError(
                    f"asked the Docker engine to {verb} {inspected.id[:12]}",
                    f"{said}; it is {'not ' * is_frozen}paused",
                    "see whether someone else pauses or resumes it",
                )

    def _restore_stopped(self, inspected: _Inspected, configured: str) -> CpuSet:
        online = read_online(self._sysfs)
        text = configured or format_cpu_list(online)
        if inspected.cpuset not in {text, configured}:
            self._update(inspected.id, text)
            found = self._inspect(inspected.id).cpuset
            if found != text:
                raise ApplyError(
                    f"asked the stopped container {inspected.id[:12]} to have CPUs [{text}]",
                    f"its configuration says [{found}]",
                    "see whether someone else changes it, and try again",
                )
        return parse_cpu_list(text)

    def _update(self, container_id: str, text: str) -> None:
        try:
            self._engine.post(f"/containers/{container_id}/update", {"CpusetCpus": text})
        except EngineFailedError as error:
            self._inspect_running(container_id)  # it may have stopped meanwhile, which is no fault
            raise ApplyError(error.asked, error.found, error.remedy) from error

    def _refuse_trap(self, inspected: _Inspected) -> None:
        if not inspected.is_gpu_by_hook:
            return
        info: Any = self._engine.get("/info")
        if info.get("CgroupDriver") == "systemd":
            raise RefusedError(f"asked to move {inspected.id[:12]}", GPU_TRAP, GPU_TRAP_REMEDY)

    def _available(self, cgroup: Cgroup) -> CpuSet:
        return read_online(self._sysfs) & cgroup.parent_cpus()

    def _read(self, container_id: str, read: Callable[[Cgroup], T]) -> T:
        """Read where the cgroup was last seen; look for it again when it is not there."""
        known = self._cgroups.get(container_id)
        if known is not None:
            try:
                return read(known)
            except ContainerGoneError:
                self._cgroups.pop(container_id, None)
        return read(self._find(self._inspect_running(container_id)))

    def _find(self, inspected: _Inspected) -> Cgroup:
        cgroup = find_cgroup(self._cgroup_root, self._proc, inspected.pid, inspected.id)
        self._cgroups[inspected.id] = cgroup
        return cgroup

    def _inspect_running(self, container_id: str) -> _Inspected:
        inspected = self._inspect(container_id)
        if not inspected.pid:
            raise ContainerGoneError(
                f"asked for the container {container_id[:12]}",
                "it is not running",
                "nothing: it is managed again when it starts",
            )
        return inspected

    def _inspect(self, container_id: str) -> _Inspected:
        if not _ID.fullmatch(container_id):  # the engine would say 404, and it would seem gone
            raise RefusedError(
                f"asked for the container {container_id!r}",
                "that is no id or name of a container",
                "ask the host that holds it, which may be that of plain processes",
            )
        path = f"/containers/{container_id}/json"
        answer: Any = self._engine.get(path)
        try:
            return _Inspected(
                str(answer["Id"]),
                int(answer["State"]["Pid"]),
                str(answer["HostConfig"]["CpusetCpus"]),
                bool(answer["State"].get("Paused")),
                uses_legacy_hook(answer),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise HostAwayError(
                f"asked the Docker engine for {path}",
                f"its answer lacks {error}",
                "see whether a Docker engine listens on that socket",
            ) from error
