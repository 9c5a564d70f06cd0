"""What one job showed so far, and what that lets expect of every candidate at any load."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.planning.interference import EXPECTED_SENSITIVITY, Exposure
from components.planning.joint_load import LoadTrack, log_waiting, uses_of
from components.policy.context import MAX_CONTEXT, Reading, lay_probes
from components.policy.features import candidate_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology
    from components.policy.brain import Brain

WINDOW_SIGMA = 0.01
"""Expected relative noise of a window."""
MOST_WEIGHT = 12.0
"""Windows after which older ones fade."""
JUMP = 0.06
"""Twice in a row further from what was expected of a measured candidate than this, the job itself
has changed: a model was swapped, a neighbour came that nobody manages."""
MOVED = 0.005
"""A reading has to move by more for everything to be predicted again."""
SHARED_SIGMA = 0.15
"""Doubt of what was measured while jobs had the same CPUs."""
GAMMA_SIGMA = 0.5
EVERY = slice(None)
IN_A_ROW = 2
"""Windows that miss the target in a row count for more than what is believed."""
_BY_OTHERS = 0.5
"""What changes latency by more is hardly the neighbours."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a closed window showed of one job."""

    candidate: Candidate
    latency_ms: float
    """The target's statistic."""
    rate_per_s: float
    n_windows: float
    busy_cpus: float
    """CPUs' worth of time that the job used."""
    power_w: float
    """Of the node."""
    at_s: float


@dataclass(slots=True)
class _Entry:
    log_ms: float
    weight: float
    sigma: float
    use: float
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of every candidate at some load, undisturbed; each of shape (C,)."""

    latency_log: NDArray[np.float64]
    sigma: NDArray[np.float64]
    use: NDArray[np.float64]
    """Of its CPUs, in [0, 1]."""


class JobLedger:
    """The readings of one job, brought to one load and to no neighbours."""

    def __init__(self, brain: Brain, topology: Topology, candidates: Sequence[Candidate]) -> None:
        self.brain = brain
        self.candidates = tuple(candidates)
        self.load = LoadTrack()
        self.sensitivity = EXPECTED_SENSITIVITY
        self.n_cpus = np.asarray([c.n_cpus for c in self.candidates], dtype=np.float64)
        self._index = {candidate: i for i, candidate in enumerate(self.candidates)}
        self.n_seen = np.zeros(len(self.candidates))
        """Windows of each candidate."""
        self._features = candidate_features(topology, self.candidates)
        self._entries: dict[int, _Entry] = {}
        self._reference_per_s = 0.0
        self._gamma, self._gamma_sigma = 1.0, GAMMA_SIGMA
        self._doubt = 0.0
        self._n_off = 0
        self._forecast: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._told: dict[int, float] = {}  # what the forecast was made of
        self._expected: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._use: NDArray[np.float64] | None = None
        self._latest: int | None = None
        self._lately: list[float] = []

    @property
    def is_ready(self) -> bool:
        """Whether anything can be expected."""
        return bool(self._entries)

    def index(self, candidate: Candidate | None) -> int | None:
        """Position of a candidate; None for what is none of this job's."""
        return None if candidate is None else self._index.get(candidate)

    def lately_ms(self, index: int) -> float:
        """What a candidate took at least in the newest windows; 0 where these are of others."""
        is_known = index == self._latest and len(self._lately) == IN_A_ROW
        return min(self._lately) if is_known else 0.0

    def observe(self, window: Window, exposure: Exposure, *, is_shared: bool) -> None:
        """Take in a window.

        Args:
            window: of a candidate of this job; others are only heard for their load.
            exposure: to the neighbours, meanwhile.
            is_shared: whether other jobs had some of the same CPUs.
        """
        self.load.observe(window.at_s, window.rate_per_s)
        index = self._index.get(window.candidate)
        if index is None:
            return
        self._expected = None
        before = self._lately if index == self._latest else []
        self._lately = [*before, window.latency_ms][-IN_A_ROW:]
        if not self._reference_per_s:
            self._reference_per_s = window.rate_per_s
        use = min(window.busy_cpus / window.candidate.n_cpus, 1.0)
        at_reference = use * self._reference_per_s / window.rate_per_s
        by_load = self._by_load(np.asarray(at_reference), window.rate_per_s)
        log_ms = math.log(window.latency_ms) - float(by_load)
        known = self._entries.get(index)
        if known is not None and not is_shared:
            self._learn(known, window, log_ms, exposure)
        undisturbed = log_ms - math.log(self.sensitivity.stretch(exposure))
        self._latest = index
        self.n_seen[index] += window.n_windows
        if known is None:
            sigma = SHARED_SIGMA if is_shared else WINDOW_SIGMA
            self._entries[index] = _Entry(
                undisturbed, window.n_windows, sigma, at_reference, window.rate_per_s
            )
            self._forecast = None
            return
        self._update(known, undisturbed, window, is_shared=is_shared)
        known.use += 0.5 * (at_reference - known.use)

    def outlook(self, rate_per_s: float, rows: slice = EVERY) -> Outlook:
        """What to expect of candidates at a load; of all, or of those at some positions."""
        mean, sigma = (each[rows] for each in self._predict())
        use = self._uses()[rows]
        by_load = self._by_load(use, rate_per_s)
        doubted = np.hypot(sigma, self._gamma_sigma * 0.3 * by_load)
        use_then = np.minimum(use * rate_per_s / self._reference_per_s, 1.0)
        return Outlook(mean + by_load, np.hypot(doubted, self._doubt), use_then)

    def _by_load(self, use: NDArray[np.float64], rate_per_s: float) -> NDArray[np.float64]:
        """Log latency at a load, less that at the reference load at which CPUs are so busy."""
        then = use * rate_per_s / self._reference_per_s
        return np.asarray(self._gamma * (log_waiting(then) - log_waiting(use)))

    def _learn(self, known: _Entry, window: Window, log_ms: float, exposure: Exposure) -> None:
        """Learn from a candidate that was measured before what load and neighbours do."""
        if abs(log_ms - known.log_ms) < _BY_OTHERS:
            self.sensitivity = self.sensitivity.learn(exposure, log_ms - known.log_ms)
        moved = math.log(window.rate_per_s / known.rate_per_s)
        if abs(moved) > 0.03:
            by_load = float(self._by_load(np.asarray(known.use), window.rate_per_s)) / self._gamma
            seen = log_ms - known.log_ms + self._gamma * by_load
            spread = (by_load * self._gamma_sigma) ** 2 + 0.02**2
            gain = self._gamma_sigma**2 * by_load / spread
            felt = math.log(self.sensitivity.stretch(exposure))
            self._gamma += gain * (seen - felt - self._gamma * by_load)
            self._gamma = min(max(self._gamma, 0.2), 4.0)
            self._gamma_sigma = max(self._gamma_sigma * math.sqrt(max(1 - gain * by_load, 0)), 0.1)

    def _update(
        self, known: _Entry, undisturbed: float, window: Window, *, is_shared: bool
    ) -> None:
        off = undisturbed - known.log_ms
        self._n_off = self._n_off + 1 if abs(off) > JUMP else 0
        if self._n_off >= 2:
            self._jumped(off)
            return
        if abs(off) > JUMP:
            return  # the next window tells whether it was chance
        self._doubt *= 0.9
        share = window.n_windows / (known.weight + window.n_windows)
        known.log_ms += max(share, 1.0 / MOST_WEIGHT) * off
        known.weight = min(known.weight + window.n_windows, MOST_WEIGHT)
        known.sigma = SHARED_SIGMA if is_shared else WINDOW_SIGMA
        known.rate_per_s = window.rate_per_s
        index = self._index[window.candidate]
        if abs(known.log_ms - self._told.get(index, math.inf)) > MOVED:
            self._forecast = None

    def _jumped(self, off: float) -> None:
        """The job is another now: shift everything by what was seen, and doubt it."""
        for index, entry in self._entries.items():
            entry.log_ms += off
            if index != self._latest:
                entry.sigma = math.hypot(entry.sigma, 0.25 * abs(off))
                entry.weight = 1.0
        self._n_off = 0
        self._forecast = None

    def _predict(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log latency of every candidate and its doubt; what was measured stands as it is now."""
        if self._expected is None or self._forecast is None:
            mean, sigma = (each.copy() for each in self._forecasts())
            for index, entry in self._entries.items():
                error = math.hypot(entry.sigma, WINDOW_SIGMA) / math.sqrt(max(entry.weight, 1.0))
                mean[index], sigma[index] = entry.log_ms, min(error, sigma[index])
            self._expected = (mean, sigma)
        return self._expected

    def _forecasts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the policy makes of the readings; asked again when one has moved."""
        if self._forecast is None:
            entries = list(self._entries.items())
            self._told = {index: entry.log_ms for index, entry in entries}
            shown = (
                entries
                if len(entries) <= MAX_CONTEXT
                else [entries[0], *entries[len(entries) - MAX_CONTEXT + 1 :]]
            )
            # power is learned of the whole node: what this predictor says of it is not used
            context = tuple(Reading(i, e.log_ms, 5.0) for i, e in shown)
            probes, mask = lay_probes(self._features, context)
            forecast = self.brain.forecast(self._features[np.newaxis], probes, mask)
            self._forecast = forecast.latency_log[0], forecast.latency_sigma[0]
            self._use = None
        return self._forecast

    def _uses(self) -> NDArray[np.float64]:
        """Use that goes with each forecast, by that of the candidate that was in force last."""
        if self._use is None:
            mean, _ = self._predict()
            at = self._latest if self._latest is not None else next(iter(self._entries))
            known = max(min(self._entries[at].use, 0.97), 1e-3)
            self._use = uses_of(mean, float(mean[at]), known)
        return self._use
