"""How far a value may go before it is no longer believed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds and tolerances of the rules; wide on purpose, as they judge single rows."""

    max_window_s: float = 3600.0
    """A longer window is more likely one given in milliseconds."""
    max_latency_ms: float = 600_000.0
    max_rate_per_s: float = 1e7
    max_frequency_mhz: float = 20_000.0
    max_power_w: float = 100_000.0
    """Of a node; the largest of today draw a fifth of it."""
    max_batch_size: int = 65_536
    clock_slack_s: float = 1.0
    """A window may end this much after its event's own time: clocks are read one after another."""
    max_age_s: float = 900.0
    """An event is made when its window closes, however late it arrives."""
    max_in_flight: float = 1000.0
    """Requests at once in one server, by Little's law."""
    rate_tolerance: float = 0.1
    """Relative, for figures that are counted at slightly different moments."""
    count_slack: float = 2.0
    """Requests that may be counted on the other side of a window's end."""
    frozen_windows: int = 5
    """Windows of exactly the same power that are looked at."""
    frozen_utilization_change: float = 0.2
    """Mean use of the node's CPUs that no power meter could miss, of [0, 1]."""
    frozen_rate_ratio: float = 2.0
    """The same in served rate, where CPU use was not observed."""
    context_s: float = 1800.0
    """How far back settled rows are looked at to judge a series."""
    contended_weight: float = 0.25
    """What a contended row counts in learning, of 1."""
