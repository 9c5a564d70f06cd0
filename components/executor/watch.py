"""Watches a commitment: does it still keep the target, and is the load what it was?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.jobs.target import Target
    from components.policy.steps import Observation

IN_A_ROW = 2
"""So many windows above the target in a row are a violation, however little they are above."""


class Load(Enum):
    """What the offered rate did since the commitment, beyond chance."""

    SAME = "same"
    FELL = "fell"
    ROSE = "rose"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a window says of a commitment."""

    is_violated: bool
    """Clearly above the target, or above it in windows in a row."""
    n_meeting: int
    """Windows in a row that kept the target, up to this one."""
    load: Load


class CommitmentWatch:
    """Looks at the windows of one commitment; begins anew with the next."""

    def __init__(self, target: Target, load_change: float) -> None:
        self._target = target
        self._load_change = load_change
        self.begin()

    def begin(self) -> None:
        """Watch a new commitment: the first window tells at which load."""
        self._rate_per_s = math.nan
        self._n_missing = 0
        self._n_meeting = 0

    def look(
        self, observation: Observation, rate_per_s: float, n_received: int, log_sigma: float
    ) -> Finding:
        """Judge one window; `log_sigma` is the relative noise of a plain one."""
        if math.isnan(self._rate_per_s):
            self._rate_per_s = rate_per_s
        meets = self._target.is_met_by(observation.latency_ms)
        self._n_missing = 0 if meets else self._n_missing + 1
        self._n_meeting = self._n_meeting + 1 if meets else 0
        margin = math.exp(2 * log_sigma / math.sqrt(observation.n_windows))
        clearly = observation.latency_ms > self._target.latency_ms * margin
        load = self._load(rate_per_s, n_received)
        is_violated = clearly or self._n_missing >= IN_A_ROW
        if load is Load.ROSE and not is_violated:
            self._rate_per_s = rate_per_s  # it bears this load too: a fall is measured from here
        return Finding(is_violated, self._n_meeting, load)

    def _load(self, rate_per_s: float, n_received: int) -> Load:
        if not (rate_per_s > 0 and self._rate_per_s > 0):
            return Load.SAME
        change = math.log(rate_per_s / self._rate_per_s)
        by_chance = 4 / math.sqrt(max(n_received, 1))
        if abs(change) <= max(math.log1p(self._load_change), by_chance):
            return Load.SAME
        return Load.ROSE if change > 0 else Load.FELL
