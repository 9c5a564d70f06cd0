"""The made-up kernel's side of cpusets: what was set, what is online, what is in force."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from components.actuation.cgroups import Cgroup
from components.madeup.errors import MadeUpError
from components.madeup.sysfs import overwrite, write_online
from components.node.cpuset import format_cpu_list, parse_cpu_list

if TYPE_CHECKING:
    from pathlib import Path

    from components.node.cpuset import CpuSet

_SLICE = "made-up"


class MadeUpKernel:
    """Keeps cgroup v1 files under a root; a cpuset found there from before stays in force.

    As on Linux, CPUs that go offline leave the effective set and come back by themselves, and a
    cpuset without any CPU online falls back to all that are.
    """

    def __init__(self, root: Path, possible: CpuSet) -> None:
        self._root = root
        self._possible = possible
        self._cgroups = root / "sys/fs/cgroup"
        self._stubborn: set[str] = set()
        self._known: dict[str, Cgroup] = {}
        self.online = possible
        self.set_online(possible)

    def create(self, container_id: str) -> None:
        """Make the files of a container that may use all CPUs."""
        folder = self._folder(container_id)
        folder.mkdir(parents=True, exist_ok=True)
        configured = folder / "cpuset.cpus"
        if not configured.exists():
            overwrite(configured, "")
        self.cgroup(container_id).cpu_time.parent.mkdir(parents=True, exist_ok=True)
        self.write_cpu_time(container_id, 0.0)
        self._refresh(container_id)

    def remove(self, container_id: str) -> None:
        """Take the files of a container away."""
        for folder in (self._folder(container_id), self.cgroup(container_id).cpu_time.parent):
            shutil.rmtree(folder)
        self._stubborn.discard(container_id)

    def cgroup(self, container_id: str) -> Cgroup:
        """Where the files of a container lie; asked for many times a tick."""
        if container_id not in self._known:
            usage = self._cgroups / "cpuacct" / _SLICE / container_id / "cpuacct.usage"
            where = Cgroup(self._cgroups / "cpuset", self._folder(container_id), usage)
            self._known[container_id] = where
        return self._known[container_id]

    def configured(self, container_id: str) -> str:
        """What was set, literally; "" when nothing ever was."""
        return (self._folder(container_id) / "cpuset.cpus").read_text().strip()

    def set_cpus(self, container_id: str, text: str) -> None:
        """Take a cpuset as it is written; "" means all CPUs."""
        if container_id in self._stubborn:
            return
        overwrite(self._folder(container_id) / "cpuset.cpus", text)
        self._refresh(container_id)

    def keep_against_writes(self, container_id: str) -> None:
        """From now on accept every write to a container's cpuset and do nothing."""
        self._stubborn.add(container_id)

    def set_online(self, online: CpuSet) -> None:
        """Take CPUs off or bring them back.

        Raises:
            MadeUpError: no CPU would be left, or one was never there.
        """
        if not online or not online <= self._possible:
            raise MadeUpError(
                f"asked for CPUs [{format_cpu_list(online)}] online",
                f"this made-up node has [{format_cpu_list(self._possible)}]",
                "leave at least one of them",
            )
        self.online = online
        write_online(self._root, online)
        slice_folder = self._cgroups / "cpuset" / _SLICE
        slice_folder.mkdir(parents=True, exist_ok=True)
        for parent in (slice_folder.parent, slice_folder):
            overwrite(parent / "cpuset.effective_cpus", format_cpu_list(online))
        for configured in sorted(slice_folder.glob("*/cpuset.cpus")):
            self._refresh(configured.parent.name)

    def write_cpu_time(self, container_id: str, seconds: float) -> None:
        """Count CPU time as cgroup v1 does, in nanoseconds."""
        overwrite(self.cgroup(container_id).cpu_time, str(round(seconds * 1e9)))

    def _folder(self, container_id: str) -> Path:
        return self._cgroups / "cpuset" / _SLICE / container_id

    def _refresh(self, container_id: str) -> None:
        wanted = parse_cpu_list(self.configured(container_id))
        effective = (wanted & self.online) or self.online
        overwrite(self._folder(container_id) / "cpuset.effective_cpus", format_cpu_list(effective))
