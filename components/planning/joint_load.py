"""The load a job is to be planned for, and what load does to latency."""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HORIZON_S = 75.0
"""A move is made for a rise of the load as far ahead."""
SOON_S = 30.0
"""What is in force has to bear a rise so far ahead."""
HALF_LIFE_S = 240.0
"""What the load was above the present one counts half after so long."""
TREND_S = 120.0
KEPT_S = 1800.0
STEADY = 0.015
"""Of the load, by how much it may change in `STEADY_S` and counts as steady."""
STEADY_S = 60.0
QUEUEING = 0.5
"""Waiting over service time at half use: of deterministic service, between M/M/1 and none."""
MOST_USE = 0.95


class LoadTrack:
    """The offered rate of one job over time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    @property
    def rate_per_s(self) -> float:
        """Of the newest window; 0 before the first."""
        return self._seen[-1][1] if self._seen else 0.0

    def observe(self, at_s: float, rate_per_s: float) -> None:
        """Take in the rate of a window."""
        self._seen.append((at_s, rate_per_s))
        while self._seen[0][0] < at_s - KEPT_S:
            self._seen.popleft()

    def is_steady(self, at_s: float) -> bool:
        """Whether what is seen now will hold for a while."""
        return abs(self._rise_per_s(at_s)) * STEADY_S <= STEADY * self.rate_per_s

    def rate_soon(self, at_s: float) -> float:
        """The rate that what is in force has to bear until it is looked at again."""
        return self.rate_per_s + max(self._rise_per_s(at_s) * SOON_S, 0.0)

    def planned_rate(self, at_s: float) -> float:
        """The rate to be ready for: a rise goes on for a while, and a peak may come back."""
        now = self.rate_per_s
        returning: float = max(
            (rate - now) * 0.5 ** ((at_s - seen_s) / HALF_LIFE_S) for seen_s, rate in self._seen
        )
        return now + max(self._rise_per_s(at_s) * HORIZON_S, returning, 0.0)

    def _rise_per_s(self, at_s: float) -> float:
        recent = list(takewhile(lambda seen: seen[0] >= at_s - TREND_S, reversed(self._seen)))
        if len(recent) < 4:
            return 0.0
        times, rates = np.asarray(recent).T
        times = times - times.mean()
        return float((times * (rates - rates.mean())).sum() / max((times**2).sum(), 1e-9))


def log_waiting(use: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of latency over service time at a use of the CPUs; steep beyond `MOST_USE`."""
    within = np.minimum(use, MOST_USE)
    beyond = np.maximum(use / MOST_USE, 1.0)
    return np.asarray(np.log1p(QUEUEING * within / (1.0 - within)) + 4.0 * np.log(beyond))


def uses_of(
    latency_log: NDArray[np.float64], known_log: float, known_use: float
) -> NDArray[np.float64]:
    """Use of the CPUs that goes with each latency, where one pair is known.

    Use is proportional to service time, and latency is service time with waiting.
    """
    service = known_log - float(log_waiting(np.asarray(known_use)))
    low = np.full(latency_log.shape, -12.0)
    high = np.full(latency_log.shape, 12.0)
    for _ in range(24):
        middle = 0.5 * (low + high)
        reached = service + middle + log_waiting(known_use * np.exp(middle))
        above = reached > latency_log
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    return np.asarray(known_use * np.exp(0.5 * (low + high)))
