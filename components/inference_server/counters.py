"""What the server counts: per-image latency as a histogram, arrivals, answers, refusals."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass

_FIRST_S = 0.0005
_LAST_S = 2.0
_N_STEPS = 88  # each bound 9.9 % above the one before

BOUNDS_S: tuple[float, ...] = tuple(
    float(f"{_FIRST_S * (_LAST_S / _FIRST_S) ** (step / _N_STEPS):.6g}")
    for step in range(_N_STEPS + 1)
)
"""Upper bounds of the histogram in seconds, ascending, without +Inf."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything counted since the start, at one moment."""

    buckets: tuple[int, ...]
    """One more than BOUNDS_S, not cumulated; one count is one answered request."""
    latency_sum_s: float
    """Of latency per image, one summand per answered request."""
    n_answered: int
    n_images: int
    n_received: int
    n_refused: int
    """Busy: warming, draining or queue full."""
    n_rejected: int
    """Requests that do not fit the network."""


class Counters:
    """Counts from many threads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._buckets = [0] * (len(BOUNDS_S) + 1)
        self._latency_sum_s = 0.0
        self._n_images = 0
        self._n_received = 0
        self._n_refused = 0
        self._n_rejected = 0

    def received(self) -> None:
        """Count an arrival."""
        with self._mutex:
            self._n_received += 1

    def answered(self, request_s: float, n_images: int) -> None:
        """Count an answer; `request_s` is the whole request, waiting included."""
        image_s = request_s / n_images
        bucket = bisect_left(BOUNDS_S, image_s)
        with self._mutex:
            self._buckets[bucket] += 1
            self._latency_sum_s += image_s
            self._n_images += n_images

    def refused(self) -> None:
        """Count a request that found the server busy."""
        with self._mutex:
            self._n_refused += 1

    def rejected(self) -> None:
        """Count a request that does not fit the network."""
        with self._mutex:
            self._n_rejected += 1

    def counts(self) -> Counts:
        """Read everything at one moment."""
        with self._mutex:
            return Counts(
                buckets=tuple(self._buckets),
                latency_sum_s=self._latency_sum_s,
                n_answered=sum(self._buckets),
                n_images=self._n_images,
                n_received=self._n_received,
                n_refused=self._n_refused,
                n_rejected=self._n_rejected,
            )
