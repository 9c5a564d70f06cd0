"""One executor a home: the lock, and who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.executor.errors import LockedError

if TYPE_CHECKING:
    from pathlib import Path


class NodeLock:
    """An advisory lock on a file that names its holder; the kernel frees it when we die."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockedError: someone else has it, or the file cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LockedError(
                f"asked for the lock {self._path}",
                f"it cannot be opened: {error}",
                "give a --home this user may write",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 1000).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise LockedError(
                f"asked for the lock {self._path}",
                f"another executor holds it: {holder}",
                "stop that one first, or give another --home",
            ) from None
        holder = json.dumps(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            }
        )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; the file stays, so that nobody locks one that was removed."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
