"""A window: what a job's server did between two readings of its counters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from components.telemetry.errors import ReadingError

if TYPE_CHECKING:
    from components.jobs.target import Statistic
    from components.telemetry.meters import LatencySnapshot

MIN_REQUESTS = 100
"""Requests from which on a mean is judged."""
_WIDEST_TOLD = 0.5
"""Share of a quantile that its bucket may be wide for the quantile to be told."""
_TAIL_REQUESTS = 20
"""Requests beyond a quantile from which on the quantile is judged."""


@dataclass(frozen=True, slots=True)
class LatencyWindow:
    """Per-image latencies of the requests answered within a window, and how many came.

    `bounds_s` and `counts` as in a LatencySnapshot. Latencies are None while nothing was answered.
    """

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    sum_s: float
    n_requests: int
    n_images: int
    n_received: int
    elapsed_s: float

    @classmethod
    def between(
        cls, before: LatencySnapshot, after: LatencySnapshot, elapsed_s: float
    ) -> LatencyWindow:
        """Take the difference of two snapshots that lie `elapsed_s` apart.

        Raises:
            ReadingError: a counter fell or the buckets changed (the server was restarted), or no
                time passed.
        """
        if elapsed_s <= 0:
            raise _unusable(f"{elapsed_s} s passed", "read again later")
        if after.bounds_s != before.bounds_s:
            raise _unusable("the buckets changed", "start a new window")
        window = cls(
            bounds_s=after.bounds_s,
            counts=tuple(a - b for a, b in zip(after.counts, before.counts, strict=True)),
            sum_s=after.sum_s - before.sum_s,
            n_requests=after.n_requests - before.n_requests,
            n_images=after.n_images - before.n_images,
            n_received=after.n_received - before.n_received,
            elapsed_s=elapsed_s,
        )
        growth = (*window.counts, window.sum_s, window.n_images, window.n_received)
        if min(growth) < 0 or window.n_requests != sum(window.counts):
            raise _unusable("a counter fell: the server was restarted", "start a new window")
        return window

    @property
    def mean_ms(self) -> float | None:
        """Mean over requests."""
        return 1000 * self.sum_s / self.n_requests if self.n_requests else None

    def quantile_ms(self, q: float) -> float | None:
        """Quantile over requests, interpolated linearly within its bucket; 0 < q < 1.

        None without requests, or without a histogram.

        Beyond the last bound the mean of what lies there is given, which the sum tells: a request
        that took far too long must not look as if it took the last bound.
        """
        if not self.n_requests or not self.bounds_s:
            return None
        rank = q * self.n_requests
        for i, cumulated in enumerate(accumulate(self.counts[:-1])):
            if cumulated >= rank and self.counts[i]:
                low = self.bounds_s[i - 1] if i else 0.0
                share = (rank - (cumulated - self.counts[i])) / self.counts[i]
                return 1000 * (low + share * (self.bounds_s[i] - low))
        return 1000 * self._overflow_mean_s()

    def quantile_between_ms(self, q: float) -> tuple[float, float] | None:
        """The bucket that a quantile lies in: how far `quantile_ms` may be off.

        The end of what lies beyond the last bound is not known: infinity.
        """
        if not self.n_requests or not self.bounds_s:
            return None
        rank = q * self.n_requests
        for i, cumulated in enumerate(accumulate(self.counts[:-1])):
            if cumulated >= rank and self.counts[i]:
                return 1000 * (self.bounds_s[i - 1] if i else 0.0), 1000 * self.bounds_s[i]
        return 1000 * self.bounds_s[-1], math.inf

    def told_quantile_ms(self, q: float) -> float | None:
        """The quantile where its bucket is narrow enough for the figure to mean something."""
        between, value_ms = self.quantile_between_ms(q), self.quantile_ms(q)
        if between is None or value_ms is None:
            return None
        low_ms, high_ms = between
        is_open = math.isinf(high_ms)
        return value_ms if is_open or high_ms - low_ms <= _WIDEST_TOLD * value_ms else None

    def latency_ms(self, statistic: Statistic) -> float | None:
        """The statistic a target speaks of."""
        return self.mean_ms if statistic.quantile is None else self.quantile_ms(statistic.quantile)

    @property
    def offered_rate_per_s(self) -> float:
        """Requests that arrived, per second."""
        return self.n_received / self.elapsed_s

    @property
    def served_rate_per_s(self) -> float:
        """Requests that were answered, per second."""
        return self.n_requests / self.elapsed_s

    def is_judgeable(self, statistic: Statistic, min_requests: int = MIN_REQUESTS) -> bool:
        """Whether enough was answered to judge a statistic; else the window should grow."""
        return self.n_requests >= requests_needed(statistic, min_requests)

    def _overflow_mean_s(self) -> float:
        lows = (0.0, *self.bounds_s[:-1])
        middles = ((low + high) / 2 for low, high in zip(lows, self.bounds_s, strict=True))
        below_s = sum(n * middle for n, middle in zip(self.counts[:-1], middles, strict=True))
        return max(self.bounds_s[-1], (self.sum_s - below_s) / max(self.counts[-1], 1))


def requests_needed(statistic: Statistic, min_requests: int = MIN_REQUESTS) -> int:
    """Requests a window needs: `min_requests` for the mean, 20/(1-q) for a quantile q."""
    if statistic.quantile is None:
        return min_requests
    return math.ceil(round(_TAIL_REQUESTS / (1 - statistic.quantile), 6))


def _unusable(found: str, remedy: str) -> ReadingError:
    return ReadingError("asked for a window between two readings of a server", found, remedy)
