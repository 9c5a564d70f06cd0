"""A container's cgroup: found through its process, read as files, never written.

What the kernel lets a container use stands in `cpuset.effective_cpus` (cgroup v1) or
`cpuset.cpus.effective` (v2); neither the engine's word nor the affinity of a process does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.errors import ContainerGoneError, HostAwayError
from components.actuation.kernel_file import read_kernel_file
from components.node.cpuset import CpuSet, parse_cpu_list

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROCESSES = "cgroup.procs"
_USAGE = "cpuacct.usage"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """Where the files of one container lie."""

    root: Path
    """Mount point of the hierarchy with the cpuset."""
    cpuset: Path
    """Folder of the container in it."""
    cpu_time: Path
    """File that counts its CPU time: `cpu.stat` (v2) or `cpuacct.usage` (v1)."""

    def effective_cpus(self) -> CpuSet:
        """The CPUs the kernel lets the container use now.

        Raises:
            ContainerGoneError: its cgroup is not there any more.
            HostAwayError: no cgroup above it says so either.
        """
        text = self._effective(self.cpuset)
        if text is not None:
            return parse_cpu_list(text)
        if not self.cpuset.is_dir():
            raise _gone(self.cpuset)
        return self._nearest_effective(self.cpuset)

    def parent_cpus(self) -> CpuSet:
        """The CPUs that its parent may give it."""
        return self._nearest_effective(self.cpuset.parent)

    def cpu_time_s(self) -> float:
        """CPU seconds used by all that ever ran in it."""
        text = read_kernel_file(self.cpu_time)
        if text is None:
            raise _gone(self.cpu_time)
        if self._is_v1:
            return int(text) / 1e9
        rows = dict(line.split() for line in text.splitlines())
        return int(rows["usage_usec"]) / 1e6

    def pids(self) -> tuple[int, ...] | None:
        """Processes in it and below; None where the kernel does not tell."""
        found: list[int] = []
        for folder, _, files in os.walk(self.cpuset):  # which minds no folder that goes meanwhile
            if _PROCESSES not in files:
                continue
            text = read_kernel_file(Path(folder) / _PROCESSES)
            if text is None:
                return None
            found.extend(int(line) for line in text.split())
        return tuple(found)

    def _nearest_effective(self, folder: Path) -> CpuSet:
        """Look upwards: without the controller (v2) a cgroup has the CPUs of the one above."""
        for place in (folder, *folder.parents):
            text = self._effective(place)
            if text is not None:
                return parse_cpu_list(text)
            if place == self.root:
                break
        raise HostAwayError(
            f"asked for the effective cpuset of {folder}",
            f"no cgroup from there up to {self.root} has {self._effective_file}",
            "run on the host itself, with its cgroups mounted and the cpuset controller on",
        )

    @property
    def _is_v1(self) -> bool:
        return self.cpu_time.name == _USAGE

    @property
    def _effective_file(self) -> str:
        return "cpuset.effective_cpus" if self._is_v1 else "cpuset.cpus.effective"

    def _effective(self, folder: Path) -> str | None:
        """What a cgroup says itself; of every container with every tick, so without any `Path`."""
        return read_kernel_file(f"{folder}/{self._effective_file}")


def find_cgroup(root: Path, proc: Path, pid: int, container_id: str) -> Cgroup:
    """Find a container's cgroup through its first process.

    Where that process moved into a cgroup of its own below (systemd in a container does), the
    one that carries the container's id is meant.

    Args:
        root: where cgroups are mounted, `/sys/fs/cgroup`.
        proc: `/proc`.
        pid: the container's first process, as the host counts it.
        container_id: the full id.

    Raises:
        ContainerGoneError: there is no such process.
        HostAwayError: the process is there, its cgroup is not under the root.
    """
    text = read_kernel_file(proc / str(pid) / "cgroup")
    if text is None:
        raise _gone(proc / str(pid))
    paths = dict(_lines(text))
    joined = {name: controllers for controllers in paths for name in controllers.split(",")}
    if {"cpuset", "cpuacct"} <= joined.keys():
        mounts = {c: _mount(root, joined[c], c) for c in ("cpuset", "cpuacct")}
        own = {c: _folder(mounts[c], paths[joined[c]], container_id) for c in mounts}
        cgroup = Cgroup(mounts["cpuset"], own["cpuset"], own["cpuacct"] / _USAGE)
    elif "" in paths and "cpuset" not in joined:
        folder = _folder(root, paths[""], container_id)
        cgroup = Cgroup(root, folder, folder / "cpu.stat")
    else:
        raise HostAwayError(
            f"asked for the cgroup of process {pid}",
            "it is neither in cgroup v2 nor in the v1 controllers cpuset and cpuacct",
            "boot the host with these controllers on",
        )
    if not cgroup.cpuset.is_dir():
        raise HostAwayError(
            f"asked for the cgroup of process {pid}",
            f"{cgroup.cpuset} is not there",
            "run on the host itself, with its /proc and /sys/fs/cgroup",
        )
    return cgroup


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Controllers and path of each line `NUMBER:CONTROLLERS:PATH`; v2 has no controllers."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        yield controllers, path


def _mount(root: Path, controllers: str, controller: str) -> Path:
    """Where a v1 hierarchy is mounted: under all its controllers' names, or under one."""
    joined = root / controllers
    return joined if joined.is_dir() else root / controller


def _folder(hierarchy: Path, path: str, container_id: str) -> Path:
    parts = path.strip("/").split("/")
    own = next((n for n, part in enumerate(parts, start=1) if container_id in part), len(parts))
    return hierarchy.joinpath(*parts[:own])


def _gone(path: Path) -> ContainerGoneError:
    return ContainerGoneError(
        f"asked for {path}", "it is not there", "nothing: the container has stopped"
    )
