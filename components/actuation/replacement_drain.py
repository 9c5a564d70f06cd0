"""Whether a container still has requests: its connections, as its own network shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OPEN = {"01", "03"}  # ESTABLISHED, SYN_RECV; see include/net/tcp_states.h
_LOCAL, _STATE = 1, 3


def n_connections(proc: Path, pid: int, port: int) -> int | None:
    """Open connections to a port of a process's network; None where it cannot be seen."""
    seen = [_rows(proc / str(pid) / "net" / name) for name in ("tcp", "tcp6")]
    if all(rows is None for rows in seen):
        return None
    wanted = f":{port:04X}"
    return sum(
        row[_LOCAL].endswith(wanted) and row[_STATE] in _OPEN for rows in seen for row in rows or []
    )


def _rows(path: Path) -> list[list[str]] | None:
    try:
        lines = path.read_text().splitlines()[1:]
    except OSError:
        return None
    return [line.split() for line in lines]
