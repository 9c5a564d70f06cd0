"""What was measured so far, for a batch of searches at once.

Shapes: B searches, C candidates. The node searches with B = 1; training with hundreds. Latencies
and powers are natural logarithms of milliseconds and watts throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOUND_SIGMAS = 2.0
"""A candidate is accepted when its mean lies this many standard errors below the target."""
PRIOR_WINDOWS = 2.0
"""How many repeats the expected sigma of a window is worth."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Means over the windows of each candidate, and how far repeats disagreed."""

    n_windows: NDArray[np.float64]
    """Shape (B, C): plain windows spent; 0 is "never measured"."""
    latency_log: NDArray[np.float64]
    """Shape (B, C): mean log latency; 0 where never measured."""
    power_log: NDArray[np.float64]
    """Shape (B, C): mean log power; 0 where never measured."""
    ruled_out: NDArray[np.bool_]
    """Shape (B, C): a window was cut short by a miss, or a confirmation failed."""
    n_repeats: NDArray[np.float64]
    """Shape (B,): observations beyond the first of their candidate."""
    square_sum: NDArray[np.float64]
    """Shape (B,): squared deviations of the log latency within candidates."""
    window_sigma: NDArray[np.float64]
    """Shape (B,): sigma of one window's log latency, as expected beforehand."""

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Shape (B, C): whether a candidate was measured at all."""
        return np.asarray(self.n_windows > 0.0)

    @property
    def sigma(self) -> NDArray[np.float64]:
        """Shape (B,): sigma of one window's log latency, from repeats and what was expected."""
        prior = PRIOR_WINDOWS * self.window_sigma**2
        return np.asarray(np.sqrt((prior + self.square_sum) / (PRIOR_WINDOWS + self.n_repeats)))

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """Shape (B, C): sigma of the mean log latency; infinite where never measured."""
        root = np.sqrt(self.n_windows)
        return np.divide(
            self.sigma[:, np.newaxis], root, out=np.full_like(root, np.inf), where=root > 0.0
        )


def no_evidence(window_sigma: NDArray[np.float64], n_candidates: int) -> Evidence:
    """Begin B searches, one per entry of the expected sigma."""
    shape = (len(window_sigma), n_candidates)
    return Evidence(
        n_windows=np.zeros(shape),
        latency_log=np.zeros(shape),
        power_log=np.zeros(shape),
        ruled_out=np.zeros(shape, dtype=np.bool_),
        n_repeats=np.zeros(shape[0]),
        square_sum=np.zeros(shape[0]),
        window_sigma=np.asarray(window_sigma, dtype=np.float64),
    )


@dataclass(frozen=True, slots=True)
class Readings:
    """One reading for each of some searches."""

    searches: NDArray[np.intp]
    """Shape (K,): which searches; each at most once."""
    candidates: NDArray[np.intp]
    """Shape (K,): the candidate that was read."""
    latency_log: NDArray[np.float64]
    """Shape (K,)."""
    power_log: NDArray[np.float64]
    """Shape (K,)."""
    n_windows: NDArray[np.float64]
    """Shape (K,): how many plain windows a reading is worth."""
    ruled_out: NDArray[np.bool_]
    """Shape (K,): the window was cut short by a miss."""


def add_readings(evidence: Evidence, readings: Readings) -> Evidence:
    """Take in one reading for each of some searches; the old evidence is not changed."""
    rows, cols = readings.searches, readings.candidates
    before = evidence.n_windows[rows, cols]
    after = before + readings.n_windows
    share = readings.n_windows / after
    off = readings.latency_log - evidence.latency_log[rows, cols]
    again = before > 0.0
    n_windows, latency_log = evidence.n_windows.copy(), evidence.latency_log.copy()
    power_log, ruled_out = evidence.power_log.copy(), evidence.ruled_out.copy()
    n_repeats, square_sum = evidence.n_repeats.copy(), evidence.square_sum.copy()
    n_windows[rows, cols] = after
    latency_log[rows, cols] += share * off
    power_log[rows, cols] += share * (readings.power_log - power_log[rows, cols])
    ruled_out[rows, cols] |= readings.ruled_out
    n_repeats[rows] += again
    square_sum[rows] += np.where(again, readings.n_windows * (1.0 - share) * off**2, 0.0)
    return Evidence(
        n_windows, latency_log, power_log, ruled_out, n_repeats, square_sum, evidence.window_sigma
    )


def add_reading(
    evidence: Evidence,
    candidate: int,
    latency_log: float,
    power_log: float,
    *,
    n_windows: float = 1.0,
    ruled_out: bool = False,
) -> Evidence:
    """Take in a reading of a single search."""
    readings = Readings(
        searches=np.asarray([0]),
        candidates=np.asarray([candidate]),
        latency_log=np.asarray([latency_log]),
        power_log=np.asarray([power_log]),
        n_windows=np.asarray([n_windows]),
        ruled_out=np.asarray([ruled_out]),
    )
    return add_readings(evidence, readings)


def rule_out(evidence: Evidence, candidate: int) -> Evidence:
    """Refuse a candidate of a single search for good."""
    ruled_out = evidence.ruled_out.copy()
    ruled_out[0, candidate] = True
    return replace(evidence, ruled_out=ruled_out)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the acceptance rule says of each candidate."""

    accepted: NDArray[np.bool_]
    """Shape (B, C): mean + 2 sigma/√n keeps the target."""
    refused: NDArray[np.bool_]
    """Shape (B, C): mean - 2 sigma/√n misses the target, or it was ruled out."""
    over: NDArray[np.bool_]
    """Shape (B, C): measured above the target, certain or not."""
    incumbent: NDArray[np.intp]
    """Shape (B,): the accepted candidate of least measured power; -1 where none is."""


def judge(evidence: Evidence, target_log: NDArray[np.float64]) -> Verdicts:
    """Accept, refuse or leave undecided every measured candidate of every search.

    Args:
        evidence: what was measured.
        target_log: shape (B,), natural logarithm of the target in ms.
    """
    measured = evidence.measured
    margin = target_log[:, np.newaxis] - evidence.latency_log
    bound = BOUND_SIGMAS * evidence.standard_error
    accepted = measured & ~evidence.ruled_out & (margin >= bound)
    refused = evidence.ruled_out | (measured & (margin <= -bound))
    power = np.where(accepted, evidence.power_log, np.inf)
    incumbent = np.where(accepted.any(axis=1), power.argmin(axis=1), -1)
    over = measured & ((margin < 0.0) | evidence.ruled_out)
    return Verdicts(accepted, refused, over, incumbent.astype(np.intp))
