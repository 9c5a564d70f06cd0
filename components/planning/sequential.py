"""A comparison of two arms that may be looked at after every pair of blocks.

Of each pair of neighbouring blocks a fair coin says which arm goes first, so that under "no
difference" the difference d of a pair is as likely +d as -d, whatever the noise. Then for every
lambda exp(lambda Σd - lambda² Σd²/2) is a supermartingale (de la Peña), and so is its mean over a
half-normal lambda > 0: that mean exceeds 1/alpha with a probability of at most alpha, at any
number of looks. It needs no variance to be known, and one wild pair cannot decide alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Tally:
    """What the pairs so far add up to."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, difference: float) -> Tally:
        """Count one more pair; a difference that is no number is none."""
        if not math.isfinite(difference):
            return self
        return Tally(self.n + 1, self.total + difference, self.squares + difference**2)

    @property
    def mean(self) -> float | None:
        """Mean difference; None before the first pair."""
        return self.total / self.n if self.n else None


def tally(differences: Iterable[float]) -> Tally:
    """Add up pairs."""
    result = Tally()
    for difference in differences:
        result = result.add(difference)
    return result


def log_evidence(pairs: Tally, scale: float) -> float:
    """Natural log of the evidence that differences lie above 0, by a half-normal mixture.

    Args:
        pairs: the differences.
        scale: sigma of the mixture over lambda; best near one over the difference looked for.
    """
    spread = 1.0 + scale**2 * pairs.squares
    at = scale * pairs.total / math.sqrt(spread)
    return math.log(2.0) - 0.5 * math.log(spread) + 0.5 * at * at + _log_normal_cdf(at)


def is_above(pairs: Tally, scale: float, alpha: float) -> bool:
    """Whether differences lie above 0, wrongly said with probability alpha at most, ever."""
    return log_evidence(pairs, scale) >= -math.log(alpha)


def is_below(pairs: Tally, scale: float, alpha: float) -> bool:
    """Whether differences lie below 0."""
    return is_above(Tally(pairs.n, -pairs.total, pairs.squares), scale, alpha)


def _log_normal_cdf(z: float) -> float:
    if z > -30.0:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    return -0.5 * z * z - math.log(-z * math.sqrt(2.0 * math.pi))  # erfc would be 0
