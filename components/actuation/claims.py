"""One writer a container: who changes one holds a lock on its cgroup, which dies with the process.

A home has a lock of its own; this one keeps executors of different homes apart, of whom each would
take the other's CPUs for the owner's. Nothing is written: the folder of the cgroup is the lock.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.errors import ContainerGoneError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Collection

_FLOCK, _PID, _INODE = 1, 4, 5  # fields of a line of /proc/locks


class Claims:
    """The containers that this process alone may change."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, container_id: str, cgroup: Path) -> None:
        """Take a container, unless it is ours already; one that was restarted is taken anew.

        Raises:
            RefusedError: another process has it.
            ContainerGoneError: its cgroup is not there any more.
        """
        with self._lock:
            held = self._held.get(container_id)
            if held is not None and _is_open(held, cgroup):
                return
            try:
                descriptor = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise ContainerGoneError(
                    f"asked for {cgroup}", "it is not there", "nothing: the container has stopped"
                ) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = self._holder(os.fstat(descriptor).st_ino)
                os.close(descriptor)
                raise RefusedError(
                    f"asked to change {container_id[:12]}",
                    f"{holder} changes it, with another home",
                    "run one executor a node, or divide containers by --only-label",
                ) from None
            if held is not None:
                os.close(held)
            self._held[container_id] = descriptor

    def leave(self, container_id: str) -> None:
        """Let others have a container."""
        with self._lock:
            descriptor = self._held.pop(container_id, None)
        if descriptor is not None:
            os.close(descriptor)

    def keep(self, running: Collection[str]) -> None:
        """Leave all that do not run any more."""
        for container_id in self._held.keys() - set(running):
            self.leave(container_id)

    def _holder(self, inode: int) -> str:
        """Who holds the lock on a file, as far as the kernel shows it."""
        try:
            lines = (self._proc / "locks").read_text().splitlines()
        except OSError:
            lines = []
        for fields in map(str.split, lines):
            if fields[_FLOCK] == "FLOCK" and fields[_INODE].endswith(f":{inode}"):
                return f"process {fields[_PID]}"
        return "another process"


def _is_open(descriptor: int, folder: Path) -> bool:
    """Whether a descriptor is that of the folder that is there now."""
    try:
        return os.fstat(descriptor).st_ino == folder.stat().st_ino
    except FileNotFoundError:
        return False
