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
    from components.planning.proof import Proof
    from components.policy.steps import Observation

EXPECTED_LOG_SIGMA = 0.005
"""Relative noise of one window while nothing was measured twice."""
CAUTIOUS_LOG_SIGMA = 0.01
REPEATS_TO_KNOW = 4
"""So many repeats say what the noise is; before, rather too much of it is assumed."""
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
    """Candidates that were tried at this load, and missed the target while another kept it."""
    proven: Mapping[Candidate, Proof] = field(default_factory=dict)
    """What kept the target at this load or a higher one lately, though maybe not measured now."""
    original_keeps: bool = False
    """Whether the CPUs from before us are known to keep the target at this load."""

    @property
    def has_refuge(self) -> bool:
        """Whether something is known to keep the target, so that a probe has something to lose."""
        return self.original_keeps or self.cheapest_proven() is not None

    @cached_property
    def _sums(self) -> dict[Candidate, _Sums]:
        """What every window adds to, in one pass: this is asked for with every window."""
        sums: dict[Candidate, _Sums] = {}
        for o in self.observations:
            known = sums.get(o.candidate)
            if known is None:
                known = sums[o.candidate] = _Sums()
            log_ms = math.log(o.latency_ms)
            known.n_windows += o.n_windows
            known.log_ms += o.n_windows * log_ms
            known.log_square += o.n_windows * log_ms * log_ms
            known.power_w += o.n_windows * o.power_w
            known.cut_short |= o.cut_short
        return sums

    @cached_property
    def measured(self) -> dict[Candidate, Measured]:
        """Sum up the observations by candidate."""
        return {candidate: sums.measured for candidate, sums in self._sums.items()}

    @cached_property
    def log_sigma(self) -> float:
        """Relative noise of one window, pooled over candidates that were measured repeatedly."""
        squares = EXPECTED_WORTH * EXPECTED_LOG_SIGMA**2
        squares += sum(sums.scatter for sums in self._sums.values())
        return math.sqrt(squares / (EXPECTED_WORTH + self._n_repeats))

    @property
    def cautious_log_sigma(self) -> float:
        """The same, and not below what is usual while little was measured twice."""
        is_known = self._n_repeats >= REPEATS_TO_KNOW
        return self.log_sigma if is_known else max(self.log_sigma, CAUTIOUS_LOG_SIGMA)

    @property
    def _n_repeats(self) -> int:
        return len(self.observations) - len(self.measured)

    def accepts(self, candidate: Candidate) -> bool:
        """The acceptance rule: mean + 2 sigma / √n keeps the target, and it was not undone."""
        measured = self.measured.get(candidate)
        if measured is None or measured.cut_short or candidate in self.undone:
            return False
        return self.target.is_met_by(self.bound_ms(candidate))

    def is_verified(self, candidate: Candidate) -> bool:
        """Whether it may be entered at once: accepted now, or proven and not refuted since."""
        if self.accepts(candidate):
            return True
        is_refuted = candidate in self.measured or candidate in self.undone
        return candidate in self.proven and not is_refuted

    def cheapest_proven(self) -> Candidate | None:
        """The verified candidate of least power, seen now or lately; None where none is."""
        power_w = {c: proof.power_w for c, proof in self.proven.items()}
        power_w |= {c: m.power_w for c, m in self.measured.items()}
        fine = [c for c in power_w if self.is_verified(c)]
        return min(fine, key=lambda c: (power_w[c], c), default=None)

    def bound_ms(self, candidate: Candidate) -> float:
        """Mean + 2 sigma/√n of a measured candidate, milliseconds."""
        measured = self.measured[candidate]
        return measured.mean_ms * math.exp(2 * self.log_sigma / math.sqrt(measured.n_windows))

    def best(self) -> Candidate | None:
        """The accepted candidate of least measured power; None where none is."""
        accepted = {c: m.power_w for c, m in self.measured.items() if self.accepts(c)}
        return min(accepted, key=lambda c: (accepted[c], c), default=None)

    def widest_missing(self, candidate: Candidate) -> Candidate | None:
        """It itself, or a wider one of its layout, where that clearly missed the target."""
        worse = (1 + 2 * self.log_sigma) * self.target.latency_ms
        missing = [
            other
            for other, m in self.measured.items()
            if other.layout == candidate.layout
            and other.n_cpus >= candidate.n_cpus
            and (m.cut_short or m.mean_ms > worse)
        ]
        return max(missing, default=None)


@dataclass(slots=True)
class _Sums:
    """Over the windows of one candidate, each as often as it is long."""

    n_windows: float = 0.0
    log_ms: float = 0.0
    log_square: float = 0.0
    power_w: float = 0.0
    cut_short: bool = False

    @property
    def measured(self) -> Measured:
        n = self.n_windows
        return Measured(math.exp(self.log_ms / n), self.power_w / n, n, self.cut_short)

    @property
    def scatter(self) -> float:
        """Squared deviations of log latency from its mean."""
        return max(self.log_square - self.log_ms**2 / self.n_windows, 0.0)
