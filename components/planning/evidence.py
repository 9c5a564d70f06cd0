"""What was measured of a job's candidates at its present load, and what that proves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.candidate import Candidate
    from components.jobs.target import Target
    from components.policy.steps import Observation

EXPECTED_LOG_SIGMA = 0.005
"""Relative noise of one window while nothing was measured twice."""
EXPECTED_WORTH = 4
"""How many repeats that expectation is worth, so that one lucky pair proves little."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Windows of one candidate, weighted by their length."""

    mean_ms: float
    """Geometric: windows scatter by a factor."""
    power_w: float
    n_windows: float
    cut_short: bool
    """A window of it was ended early because it missed the target clearly."""


@dataclass(frozen=True)
class Evidence:
    """Every observation of a job at its present load, oldest first."""

    target: Target
    observations: tuple[Observation, ...] = ()
    undone: Mapping[Candidate, str] = field(default_factory=dict)
    """Shrinks that were taken back, and why: not to be entered again at this load."""
    n_unsafe: int = 0
    """Candidates that the present search probed and that missed the target."""

    @cached_property
    def measured(self) -> dict[Candidate, Measured]:
        """Sum up the observations by candidate."""
        groups: dict[Candidate, list[Observation]] = {}
        for observation in self.observations:
            groups.setdefault(observation.candidate, []).append(observation)
        return {candidate: _sum_up(group) for candidate, group in groups.items()}

    @cached_property
    def log_sigma(self) -> float:
        """Relative noise of one window, pooled over candidates that were measured repeatedly."""
        means = {candidate: math.log(m.mean_ms) for candidate, m in self.measured.items()}
        squares = EXPECTED_WORTH * EXPECTED_LOG_SIGMA**2 + sum(
            o.n_windows * (math.log(o.latency_ms) - means[o.candidate]) ** 2
            for o in self.observations
        )
        n_repeats = len(self.observations) - len(means)
        return math.sqrt(squares / (EXPECTED_WORTH + n_repeats))

    def accepts(self, candidate: Candidate) -> bool:
        """The acceptance rule: mean + 2 sigma / √n keeps the target, and it was not undone."""
        measured = self.measured.get(candidate)
        if measured is None or measured.cut_short or candidate in self.undone:
            return False
        margin = 2 * self.log_sigma / math.sqrt(measured.n_windows)
        return self.target.is_met_by(measured.mean_ms * math.exp(margin))

    def best(self) -> Candidate | None:
        """The accepted candidate of least measured power; None where none is."""
        accepted = {c: m.power_w for c, m in self.measured.items() if self.accepts(c)}
        return min(accepted, key=lambda c: (accepted[c], c), default=None)

    def widest_missing(self, candidate: Candidate) -> Candidate | None:
        """A candidate of the same layout, at least as wide, that clearly missed the target."""
        worse = (1 + 2 * self.log_sigma) * self.target.latency_ms
        missing = [
            other
            for other, m in self.measured.items()
            if other.layout == candidate.layout
            and other.n_cpus > candidate.n_cpus
            and (m.cut_short or m.mean_ms > worse)
        ]
        return max(missing, default=None)


def _sum_up(group: list[Observation]) -> Measured:
    return Measured(
        mean_ms=math.exp(_weighted([(math.log(o.latency_ms), o.n_windows) for o in group])),
        power_w=_weighted([(o.power_w, o.n_windows) for o in group]),
        n_windows=sum(o.n_windows for o in group),
        cut_short=any(o.cut_short for o in group),
    )


def _weighted(pairs: list[tuple[float, float]]) -> float:
    return sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs)
