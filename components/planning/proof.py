"""An allocation that once kept the target, and under which circumstances that counts again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.jobs.candidate import Allocation
    from components.jobs.target import Statistic, Target

COUNTS_FOR_S = 24 * 3600.0
"""How long a proof counts."""
BY_CHANCE = 1.05
"""An offered rate above the proven one by no more than this is the same rate."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One allocation, and what bounded its latency at which load."""

    allocation: Allocation
    bound_ms: float
    """Mean + 2 sigma/√n of what was measured."""
    power_w: float
    statistic: Statistic
    rate_per_s: float
    """Offered rate at which it held."""
    at_s: float
    """Seconds since the epoch, UTC."""

    def holds(self, target: Target, rate_per_s: float, now_s: float) -> bool:
        """Whether it says that the target will be kept at a rate now.

        Proven under a load it counts under any smaller one. A clock that was set back makes a
        proof of the future, which proves nothing.
        """
        return (
            0.0 <= now_s - self.at_s <= COUNTS_FOR_S
            and self.statistic is target.statistic
            and target.is_met_by(self.bound_ms)
            and math.isfinite(rate_per_s)
            and rate_per_s <= self.rate_per_s * BY_CHANCE
        )
