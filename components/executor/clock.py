"""Time, so that a made-up node can run faster than the wall."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the executor knows of time."""

    def now_s(self) -> float:
        """Seconds since the epoch, UTC; may jump."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class WallClock:
    """The machine's own time."""

    def now_s(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds since boot."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let the process rest."""
        time.sleep(seconds)
