"""The latency a job must keep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from components.jobs.errors import JobError


class Statistic(StrEnum):
    """Which statistic of a window's latencies the target speaks of."""

    MEAN = "mean"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        """The quantile in (0, 1), or None for the mean."""
        return {"mean": None, "p95": 0.95, "p99": 0.99}[self.value]


@dataclass(frozen=True, slots=True)
class Target:
    """A_T of the paper: milliseconds per image, of one statistic."""

    latency_ms: float
    statistic: Statistic = Statistic.MEAN

    def __post_init__(self) -> None:
        if not (math.isfinite(self.latency_ms) and self.latency_ms > 0):
            raise JobError(
                f"asked for a latency target of {self.latency_ms} ms",
                "a target is a positive number of milliseconds per image",
                "give one above 0, like joulepilot.target-ms=7",
            )

    def is_met_by(self, latency_ms: float) -> bool:
        """Whether a latency keeps the target."""
        return latency_ms <= self.latency_ms
