"""Plain processes as jobs, for nodes without containers."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

from components.actuation.affinity import get_affinity, has_affinity, set_affinity
from components.actuation.available import checked_cpus, read_back
from components.actuation.cgroups import find_cgroup
from components.actuation.errors import ApplyError, ContainerGoneError, HostAwayError
from components.actuation.host import Container
from components.actuation.process_files import key_of, read_declared
from components.actuation.run_queue import RunQueueWait
from components.node.cpuset import CpuSet, format_cpu_list, parse_cpu_list
from components.node.topology import read_online

_STATE, _USER, _SYSTEM = 0, 11, 12  # fields 3, 14 and 15 of /proc/PID/stat, counted after the name
_HEED_S = 1.0
"""For a process to stop or go on after a signal."""


class ProcessHost:
    """Host of the processes declared in a folder; see `process_files.declare`.

    CPUs are set and read as the affinity of all threads, not of processes started from it later
    on. A thread that had pinned itself more narrowly than the others is freed by the first change
    and by `restore`, which give all threads the same CPUs. A process whose number has gone to
    another one is never touched.
    """

    def __init__(
        self,
        registry: Path,
        *,
        proc: Path = Path("/proc"),
        sysfs: Path = Path("/sys"),
        cgroup: Path = Path("/sys/fs/cgroup"),
    ) -> None:
        self._registry = registry
        self._proc = proc
        self._sysfs = sysfs
        self._cgroup_root = cgroup
        self._waits: dict[str, RunQueueWait] = {}

    def containers(self) -> tuple[Container, ...]:
        """List declared processes that run."""
        found = tuple(
            Container(
                id=declared.id,
                name=declared.name,
                image=declared.program,
                image_digest="sha256:" + hashlib.sha256(declared.program.encode()).hexdigest(),
                labels=declared.labels,
            )
            for declared in read_declared(self._registry)
            if declared.key.is_alive(self._proc)
        )
        running = {container.id for container in found}
        self._waits = {c: kept for c, kept in self._waits.items() if c in running}
        return found

    def configured_cpus(self, container_id: str) -> str:
        """The CPUs of its threads together; "" when those are all it may have."""
        pid = self._pid(container_id)
        cpus = get_affinity(self._proc, pid)
        return "" if cpus >= self._available(pid, container_id) else format_cpu_list(cpus)

    def effective_cpus(self, container_id: str) -> CpuSet:
        """The CPUs of its threads together, as the kernel has them."""
        return get_affinity(self._proc, self._pid(container_id))

    def apply(self, container_id: str, cpus: CpuSet) -> CpuSet:
        """Set the affinity of all threads and read back.

        Raises:
            RefusedError: the set is empty, or not within the CPUs the process may have; or it is
                not ours to move.
            ApplyError: the kernel uses another set than asked for.
            ContainerGoneError: it has ended.
        """
        pid = self._pid(container_id)
        checked_cpus(cpus, self._available(pid, container_id), container_id)
        return self._set(container_id, pid, cpus)

    def restore(self, container_id: str, configured: str) -> CpuSet:
        """Set what `configured_cpus` once returned, less CPUs that are not available any more."""
        pid = self._pid(container_id)
        available = self._available(pid, container_id)
        return self._set(container_id, pid, parse_cpu_list(configured) & available or available)

    def cpu_time_s(self, container_id: str) -> float:
        """CPU seconds of all its threads, ended ones included."""
        fields = self._stat(container_id)
        return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")

    def run_queue_wait_s(self, container_id: str) -> float | None:
        """Seconds its threads waited for a CPU; None where the kernel does not show it."""
        pids = (self._pid(container_id),)
        return self._waits.setdefault(container_id, RunQueueWait()).update(self._proc, pids)

    def is_frozen(self, container_id: str) -> bool:
        """Whether it was stopped by a signal."""
        return self._stat(container_id)[_STATE] in {"T", "t"}

    def freeze(self, container_id: str) -> None:
        """Stop it where it is.

        Raises: as `apply`.
        """
        self._signal(container_id, signal.SIGSTOP, is_frozen=True)

    def thaw(self, container_id: str) -> None:
        """Let it go on.

        Raises: as `apply`.
        """
        self._signal(container_id, signal.SIGCONT, is_frozen=False)

    def _signal(self, container_id: str, what: signal.Signals, *, is_frozen: bool) -> None:
        try:
            os.kill(self._pid(container_id), what)
        except ProcessLookupError as error:
            raise _gone(container_id) from error
        except PermissionError as error:
            raise _deaf(container_id, what, str(error)) from error
        until_s = time.monotonic() + _HEED_S
        while self.is_frozen(container_id) is not is_frozen:
            if time.monotonic() > until_s:
                raise _deaf(container_id, what, f"after {_HEED_S:g} s it has not heeded it")
            time.sleep(_HEED_S / 100)

    def _stat(self, container_id: str) -> list[str]:
        """What the kernel says of it, the fields after its name."""
        pid = self._pid(container_id)
        try:
            stat = (self._proc / str(pid) / "stat").read_text()
        except OSError as error:
            raise _gone(container_id) from error
        return stat.rpartition(")")[2].split()

    def _set(self, container_id: str, pid: int, cpus: CpuSet) -> CpuSet:
        if not has_affinity(self._proc, pid, cpus):
            set_affinity(self._proc, pid, cpus)
        return read_back(lambda: get_affinity(self._proc, pid), cpus, container_id)

    def _available(self, pid: int, container_id: str) -> CpuSet:
        online = read_online(self._sysfs)
        try:
            cgroup = find_cgroup(self._cgroup_root, self._proc, pid, container_id)
            return online & cgroup.effective_cpus()
        except HostAwayError:  # without cgroups the read-back alone says what the kernel took
            return online

    def _pid(self, container_id: str) -> int:
        key = key_of(container_id)
        if not key.is_alive(self._proc):
            raise _gone(container_id)
        return key.pid


def _deaf(container_id: str, what: signal.Signals, found: str) -> ApplyError:
    return ApplyError(
        f"asked to send {what.name} to the process {container_id}",
        found,
        "run the executor as root, or as the user of the process",
    )


def _gone(container_id: str) -> ContainerGoneError:
    return ContainerGoneError(
        f"asked for the process {container_id}", "it has ended", "nothing: declare the next one"
    )
