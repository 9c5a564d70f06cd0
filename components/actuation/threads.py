"""Threads of a process, of which any may end while one looks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def thread_ids(proc: Path, pid: int) -> tuple[int, ...]:
    """Threads of a process by the proc file system there; none when it has ended."""
    try:
        with os.scandir(f"{proc}/{pid}/task") as entries:
            names = [entry.name for entry in entries]
    except OSError:  # it ended, or ends just now
        return ()
    return tuple(int(name) for name in names if name.isdecimal())
