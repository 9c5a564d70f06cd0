"""Threads of a process, of which any may end while one looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def thread_ids(proc: Path, pid: int) -> tuple[int, ...]:
    """Threads of a process by the proc file system there; none when it has ended."""
    try:
        names = [folder.name for folder in (proc / str(pid) / "task").iterdir()]
    except OSError:  # it ended, or ends just now
        return ()
    return tuple(int(name) for name in names if name.isdecimal())
