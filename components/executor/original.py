"""What a job did on the CPUs it had before us: the measure of "never worse than before"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.planning.proof import BY_CHANCE

if TYPE_CHECKING:
    from components.jobs.target import Target
    from components.planning.evidence import Evidence
    from components.policy.steps import Step


@dataclass(slots=True)
class OnOriginal:
    """The last window on the original CPUs."""

    latency_ms: float | None = None
    """The target's statistic; None while no window was seen."""
    rate_per_s: float = math.nan

    def see(self, latency_ms: float | None, rate_per_s: float) -> None:
        """Take in a window."""
        self.latency_ms, self.rate_per_s = latency_ms, rate_per_s

    def latency_at(self, rate_per_s: float) -> float | None:
        """What it showed, where that says something at this rate."""
        is_same = rate_per_s <= self.rate_per_s * BY_CHANCE
        return self.latency_ms if is_same else None

    def keeps(self, target: Target, rate_per_s: float) -> bool:
        """Whether they are known to keep the target at this rate."""
        latency_ms = self.latency_at(rate_per_s)
        return latency_ms is not None and target.is_met_by(latency_ms)

    def is_better(self, step: Step, evidence: Evidence, rate_per_s: float, n_original: int) -> bool:
        """Whether they may do better than the fastest that was found, of which none is enough.

        While they were not seen at this load, they may where they are more; a tie is theirs.
        """
        latency_ms, measured = self.latency_at(rate_per_s), evidence.measured.get(step.candidate)
        if latency_ms is None or measured is None:
            return n_original > step.candidate.n_cpus
        return latency_ms <= measured.mean_ms * math.exp(2 * evidence.log_sigma)
