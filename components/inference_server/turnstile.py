"""A queue with one place at the counter: so that waiting shows, and is bounded."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from components.inference_server.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Turnstile:
    """Lets one caller through at a time, in the order they came.

    The caller's own thread does the work, so a request costs no hand-over when nobody waits.
    """

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._mutex = threading.Lock()
        self._busy = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def n_waiting(self) -> int:
        """Callers that wait now."""
        return len(self._waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn and hold it for the body of the `with`.

        Raises:
            BusyError: as many as may wait are waiting already.
        """
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._mutex:
            if not self._busy:
                self._busy = True
                return
            if len(self._waiting) >= self._max_waiting:
                raise BusyError(
                    "asked for an inference",
                    f"{self._max_waiting} requests wait already, as many as may",
                    "send less, or try again later",
                )
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # released by whoever leaves before us

    def _leave(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._busy = False
