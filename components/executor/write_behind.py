"""Writes soon, and never in the way: what may be lost by a second need not hold up the loop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REST_S = 1.0
"""Between two writes; what is asked for meanwhile is one write more, not many."""


class WriteBehind:
    """Calls `write` in a thread of its own, once for all that was asked since the last call."""

    def __init__(self, write: Callable[[], None], rest_s: float = REST_S) -> None:
        self._write = write
        self._rest_s = rest_s
        self._wake = threading.Condition()
        self._is_due = False
        self._is_ended = False
        self._thread = threading.Thread(target=self._run, name="write-behind", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Have it written soon."""
        with self._wake:
            self._is_due = True
            self._wake.notify()

    def close(self) -> None:
        """Write what still waits, and end the thread."""
        with self._wake:
            self._is_ended = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._is_asked():
            self._write()
            with self._wake:
                self._wake.wait_for(lambda: self._is_ended, self._rest_s)

    def _is_asked(self) -> bool:
        """Wait until there is something to write; False: there never will be."""
        with self._wake:
            self._wake.wait_for(lambda: self._is_due or self._is_ended)
            is_due, self._is_due = self._is_due, False
            return is_due
