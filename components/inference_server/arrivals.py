"""When requests are due: a seeded Poisson process whose rate may change at any time."""

from __future__ import annotations

import math
import random

from components.inference_server.errors import LoadError


def checked_rate(rate_per_s: float) -> float:
    """Return the rate if it is one.

    Raises:
        LoadError: it is negative or not finite.
    """
    if not math.isfinite(rate_per_s) or rate_per_s < 0:
        raise LoadError(
            f"asked for {rate_per_s} requests per second",
            "a rate is a finite number, 0 or more",
            "say --rate 40, or 0 to pause",
        )
    return rate_per_s


class Arrivals:
    """Moments of arrival on the caller's clock, in seconds.

    What is drawn is the *work* until the next arrival (exponential, mean 1), used up at the rate
    in force: a change of rate neither loses nor repeats an arrival, and rate 0 keeps it.
    """

    def __init__(self, rate_per_s: float, seed: int, start_s: float) -> None:
        """Begin at a moment.

        Raises:
            LoadError: the rate is negative or not finite.
        """
        self._random = random.Random(seed)  # noqa: S311 - load, not secrets
        self._rate_per_s = checked_rate(rate_per_s)
        self._work = self._random.expovariate(1.0)
        self._since_s = start_s

    @property
    def rate_per_s(self) -> float:
        """The rate in force."""
        return self._rate_per_s

    @property
    def next_s(self) -> float:
        """When the next request is due; infinite at rate 0."""
        if not self._rate_per_s:
            return math.inf
        return self._since_s + self._work / self._rate_per_s

    def change_rate(self, rate_per_s: float, now_s: float) -> None:
        """Go on at another rate; take what is due first.

        Raises:
            LoadError: the rate is negative or not finite.
        """
        new_rate_per_s = checked_rate(rate_per_s)
        self._work = max(0.0, self._work - (now_s - self._since_s) * self._rate_per_s)
        self._since_s = now_s
        self._rate_per_s = new_rate_per_s

    def take_due(self, now_s: float) -> list[float]:
        """Give the moments that have come, in order, each once."""
        due: list[float] = []
        while self.next_s <= now_s:
            self._since_s = self.next_s
            self._work = self._random.expovariate(1.0)
            due.append(self._since_s)
        return due
