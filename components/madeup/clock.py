"""Time of a made-up node: it passes when someone sleeps, and costs nothing."""

from __future__ import annotations

import threading
import time

from components.madeup.errors import MadeUpError


class SimulatedClock:
    """Implements `Clock`; starts at the wall's time unless told otherwise."""

    def __init__(self, start_s: float | None = None) -> None:
        self._start_s = time.time() if start_s is None else start_s
        self._passed_s = 0.0
        self._lock = threading.Lock()

    def now_s(self) -> float:
        """Simulated seconds since the epoch, UTC."""
        return self._start_s + self.monotonic_s()

    def monotonic_s(self) -> float:
        """Simulated seconds since the start."""
        with self._lock:
            return self._passed_s

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass, at once.

        Raises:
            MadeUpError: time cannot go back.
        """
        if seconds < 0:
            raise MadeUpError(f"asked to sleep {seconds} s", "time goes forward", "give 0 or more")
        with self._lock:
            self._passed_s += seconds
