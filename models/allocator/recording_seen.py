"""What was read of one recorded allocation."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Seen:
    """Readings of one allocation, in order; means are of at least one."""

    latency_log: list[float] = field(default_factory=list)
    """Natural logarithms of the latencies read, in the unit of the target."""
    power_w: list[float] = field(default_factory=list)
    """Power of the whole node."""

    @property
    def n(self) -> int:
        """How often it was read."""
        return len(self.latency_log)

    @property
    def mean_log(self) -> float:
        """Mean log latency."""
        return sum(self.latency_log) / self.n

    @property
    def mean_w(self) -> float:
        """Mean power."""
        return sum(self.power_w) / self.n
