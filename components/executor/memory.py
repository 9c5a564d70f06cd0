"""What a job's windows proved so far at its present load, and which shrinks were taken back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.candidate import Allocation
from components.planning.evidence import Evidence
from components.policy.steps import Observation

if TYPE_CHECKING:
    from components.jobs.candidate import Candidate
    from components.jobs.target import Target
    from components.node.cpuset import CpuSet

MOST_OBSERVATIONS = 200
SAME_LOAD = 0.9
"""A shrink stays taken back while the load is at least this share of what it failed at."""


@dataclass(frozen=True, slots=True)
class _Undone:
    rate_per_s: float
    until_s: float
    reason: str


class Memory:
    """Observations of one job since its load last changed."""

    def __init__(self, target: Target, remember_s: float) -> None:
        self.target = target
        self._remember_s = remember_s
        self._observations: list[tuple[float, Observation]] = []
        self._undone: dict[Candidate, _Undone] = {}
        self._cpus: dict[Candidate, CpuSet] = {}
        self.rate_per_s = math.nan
        """Offered rate of the newest window."""

    def add(self, observation: Observation, cpus: CpuSet, rate_per_s: float, at_s: float) -> None:
        """Keep what a window showed."""
        self._observations.append((at_s, observation))
        del self._observations[:-MOST_OBSERVATIONS]
        self._cpus[observation.candidate] = cpus
        self.rate_per_s = rate_per_s

    def take_over(self, other: Memory) -> None:
        """Copy what another memory of the same job and statistic holds; targets may differ."""
        self._observations = list(other._observations)
        self._cpus = dict(other._cpus)
        self.rate_per_s = other.rate_per_s

    def load_changed(self) -> None:
        """Forget what was measured at another load: all but the newest window."""
        del self._observations[:-1]

    def take_back(self, candidate: Candidate, at_s: float, reason: str) -> None:
        """Remember that a shrink had to be undone at this load."""
        self._undone[candidate] = _Undone(self.rate_per_s, at_s + self._remember_s, reason)

    def evidence(self, at_s: float, n_unsafe: int = 0) -> Evidence:
        """What is known and still counts; `n_unsafe` as in Evidence."""
        undone = {
            candidate: u.reason
            for candidate, u in self._undone.items()
            if at_s < u.until_s and not self.rate_per_s < SAME_LOAD * u.rate_per_s
        }
        return Evidence(self.target, tuple(o for _, o in self._observations), undone, n_unsafe)

    def best(self, evidence: Evidence) -> Allocation | None:
        """The accepted allocation of least power, as it was last made real.

        None also where that is what the job had before us: to go back to that is to restore.
        """
        candidate = evidence.best()
        cpus = frozenset() if candidate is None else self._cpus[candidate]
        if candidate is None or len(cpus) != candidate.n_cpus:
            return None
        return Allocation(candidate, cpus)

    def forgive(self, at_s: float) -> bool:
        """Forget shrinks that were taken back long enough ago; whether there were any."""
        over = [candidate for candidate, u in self._undone.items() if at_s >= u.until_s]
        for candidate in over:
            del self._undone[candidate]
        return bool(over)

    def to_retell(self, at_s: float) -> tuple[Observation, ...]:
        """Sum up what a new search should know: the widest measured first, then the others.

        Only what was seen within `remember_s`, one observation a candidate.
        """
        fresh = [o for seen_s, o in self._observations if at_s - seen_s <= self._remember_s]
        summed = Evidence(self.target, tuple(fresh)).measured
        return tuple(
            Observation(candidate, m.mean_ms, m.power_w, m.n_windows, m.cut_short)
            for candidate, m in sorted(summed.items(), key=lambda item: -item[0].n_cpus)
        )
