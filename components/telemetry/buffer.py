"""Bodies that wait to be sent, bounded, on disk."""

from __future__ import annotations

import contextlib
import math
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_ROOM = 0.05
"""Share of a full buffer that is made free at once, so that it is not listed for every body."""
_NAME = re.compile(r"(\d{12})-(\d{1,9})\.pb\.gz")


@dataclass(frozen=True, slots=True, order=True)
class WaitingBody:
    """One gzipped export request of the buffer."""

    number: int
    n_records: int
    path: Path


class DiskBuffer:
    """A folder of bodies, oldest first; what is over the bound is dropped, oldest first.

    It outlives the process that wrote it; one process at a time owns it. Methods that touch the
    disk raise OSError when it fails.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._last_number: int | None = None
        self._at_most_bytes = math.inf
        """As much lies there at most; counted anew only when that is over the bound."""
        self._putting = threading.Lock()

    def put(self, body: bytes, n_records: int) -> int:
        """Keep a body, and return how many records were dropped to make room for it."""
        with self._putting:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{self._next_number():012d}-{n_records}.pb.gz"
            part = self._folder / f"{name}.part"
            try:
                part.write_bytes(body)
                part.rename(self._folder / name)
            except OSError:
                with contextlib.suppress(OSError):
                    part.unlink()
                raise
            self._at_most_bytes += len(body)
            return self._drop_surplus() if self._at_most_bytes > self._max_bytes else 0

    def waiting(self) -> tuple[WaitingBody, ...]:
        """List what waits, oldest first."""
        paths = self._folder.glob("*.pb.gz")
        named = ((_NAME.fullmatch(path.name), path) for path in paths)
        return tuple(
            sorted(WaitingBody(int(m[1]), int(m[2]), path) for m, path in named if m is not None)
        )

    def remove(self, body: WaitingBody) -> None:
        """Forget a body that was sent or refused."""
        body.path.unlink(missing_ok=True)

    def _next_number(self) -> int:
        if self._last_number is None:
            waiting = self.waiting()
            self._last_number = waiting[-1].number if waiting else 0
        self._last_number += 1
        return self._last_number

    def _drop_surplus(self) -> int:
        """Count what lies there, and where it is too much make room for a while."""
        sized = [(body, _size(body)) for body in self.waiting()]
        left_bytes = sum(n_bytes for _, n_bytes in sized)
        is_full, n_dropped = left_bytes > self._max_bytes, 0
        for body, n_bytes in sized:
            if not is_full or left_bytes <= self._max_bytes * (1 - _ROOM):
                break
            self.remove(body)
            left_bytes -= n_bytes
            n_dropped += body.n_records
        self._at_most_bytes = left_bytes
        return n_dropped


def _size(body: WaitingBody) -> int:
    try:
        return body.path.stat().st_size
    except FileNotFoundError:  # sent and removed meanwhile
        return 0
