"""What a job's windows proved so far at its present load, and which shrinks were taken back."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.executor.original import OnOriginal
from components.jobs.candidate import Allocation
from components.planning.evidence import Evidence
from components.planning.proof import COUNTS_FOR_S, Proof
from components.policy.steps import Observation

if TYPE_CHECKING:
    from components.jobs.candidate import Candidate
    from components.jobs.target import Target
    from components.node.cpuset import CpuSet

MOST_OBSERVATIONS = 200
MOST_PROOFS = 16
FRESH_S = 3600.0
"""A proof is written anew when it is older than this, or its load rose."""
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
        self._n_undone: Counter[Candidate] = Counter()
        self._cpus: dict[Candidate, CpuSet] = {}
        self._unsafe: set[Candidate] = set()
        self._now_s = math.nan
        self.original = OnOriginal()
        self.proofs: dict[Candidate, Proof] = {}
        """What kept the target lately, at whatever load; the newest last."""
        self.rate_per_s = math.nan
        """Offered rate of the newest window."""

    def add(
        self, observation: Observation, cpus: CpuSet, rate_per_s: float, at_s: float, now_s: float
    ) -> None:
        """Keep what a window showed; `now_s` is its end, in seconds since the epoch."""
        self._observations.append((at_s, observation))
        del self._observations[:-MOST_OBSERVATIONS]
        self._cpus[observation.candidate] = cpus
        self.rate_per_s = rate_per_s
        self._now_s = now_s

    def missed_when_tried(self, candidate: Candidate) -> None:
        """Remember that a candidate missed the target when it was tried at this load."""
        self._unsafe.add(candidate)

    def take_over(self, other: Memory) -> None:
        """Copy what another memory of the same job and statistic holds; targets may differ."""
        self._observations = list(other._observations)
        self._cpus = dict(other._cpus)
        self.proofs = dict(other.proofs)
        self.original = other.original
        self.rate_per_s = other.rate_per_s
        self._now_s = other._now_s

    def load_changed(self) -> None:
        """Forget what was measured at another load: all but the newest window."""
        del self._observations[:-1]
        self._unsafe.clear()

    def forget_misses(self) -> None:
        """Let a new policy try its luck."""
        self._unsafe.clear()

    def take_back(self, candidate: Candidate, at_s: float, reason: str) -> None:
        """Remember that a shrink had to be undone at this load; each time twice as long."""
        times = self._n_undone[candidate]
        self._n_undone[candidate] += 1
        until_s = at_s + min(self._remember_s * 2.0**times, COUNTS_FOR_S)
        self._undone[candidate] = _Undone(self.rate_per_s, until_s, reason)
        self.proofs.pop(candidate, None)

    def prove(self, evidence: Evidence, candidate: Candidate) -> bool:
        """Keep, or drop, the proof of the candidate that was just measured; whether it changed."""
        known, measured = self.proofs.get(candidate), evidence.measured.get(candidate)
        allocation = self._allocation(candidate)
        if measured is None or allocation is None:
            return False
        if not evidence.accepts(candidate):
            is_refuted = known is not None and known.rate_per_s >= self.rate_per_s
            if is_refuted and not self.target.is_met_by(measured.mean_ms):
                del self.proofs[candidate]
                return True
            return False
        bound_ms = evidence.bound_ms(candidate)
        holds = known is not None and known.holds(self.target, self.rate_per_s, self._now_s)
        if known is not None and holds and self._now_s - known.at_s < FRESH_S:
            return False
        self.proofs.pop(candidate, None)
        self.proofs[candidate] = Proof(
            allocation,
            bound_ms,
            measured.power_w,
            self.target.statistic,
            self.rate_per_s if not (known and holds) else known.rate_per_s,
            self._now_s,
        )
        while len(self.proofs) > MOST_PROOFS:
            del self.proofs[next(iter(self.proofs))]
        return True

    @property
    def present_rate_per_s(self) -> float:
        """Offered rate now, as far as anything was seen."""
        return self.original.rate_per_s if math.isnan(self.rate_per_s) else self.rate_per_s

    def evidence(self, at_s: float) -> Evidence:
        """What is known and still counts."""
        undone = {
            candidate: u.reason
            for candidate, u in self._undone.items()
            if at_s < u.until_s and not self.rate_per_s < SAME_LOAD * u.rate_per_s
        }
        proven = {
            candidate: proof
            for candidate, proof in self.proofs.items()
            if proof.holds(self.target, self.rate_per_s, self._now_s)
        }
        return Evidence(
            self.target,
            tuple(observation for _, observation in self._observations),
            undone,
            len(self._unsafe),
            proven,
            self.original.keeps(self.target, self.present_rate_per_s),
        )

    def best(self, evidence: Evidence) -> Allocation | None:
        """The accepted allocation of least power, as it was last made real.

        None also where that is what the job had before us: to go back to that is to restore.
        """
        candidate = evidence.best()
        return None if candidate is None else self._allocation(candidate)

    def _allocation(self, candidate: Candidate) -> Allocation | None:
        cpus = self._cpus.get(candidate, frozenset())
        return Allocation(candidate, cpus) if len(cpus) == candidate.n_cpus else None

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
