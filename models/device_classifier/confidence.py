"""How sure a choice is: the probability that the chosen device is the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.table import BoolArray, FloatArray, IntArray

N_DRAWS = 128
MOST_REGRET = 2.0  # one disaster must not decide which learner is best
MISTAKE = 0.05  # what a wrong device counts, whatever it costs
UNKNOWN_LOSS = 0.3  # of a mistake, where costs are not predicted
LEAST_P, MOST_P = 1e-4, 1.0 - 1e-4
N_BINS = 10
PRIOR_ROWS = 4.0  # how many rows it takes to believe that raw probabilities are off


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling of the log odds: slope and offset, both near the identity by prior."""

    slope: float
    offset: float

    def __call__(self, p: FloatArray) -> FloatArray:
        """Calibrated probabilities, in (0, 1)."""
        return np.clip(_sigmoid(self.slope * _log_odds(p) + self.offset), LEAST_P, MOST_P)


def fit_calibration(p: FloatArray, is_right: BoolArray) -> Calibration:
    """Fit on choices that were made on rows not learned from (a few Newton steps)."""
    x = np.column_stack([_log_odds(p), np.ones(len(p))])
    prior = np.array([1.0, 0.0])
    weights = prior.copy()
    for _ in range(25):
        predicted = _sigmoid(x @ weights)
        gradient = x.T @ (predicted - is_right) + PRIOR_ROWS * 0.25 * (weights - prior)
        curvature = (x * (predicted * (1 - predicted))[:, None]).T @ x
        step = np.linalg.solve(curvature + PRIOR_ROWS * 0.25 * np.eye(2), gradient)
        weights = weights - np.clip(step, -1.0, 1.0)
    return Calibration(float(max(weights[0], 0.0)), float(weights[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What to expect of each device.

    Attributes:
        p: probability that it is the best, [N, D].
        loss: expected loss of choosing it, [N, D]; the least is chosen.
    """

    p: FloatArray
    loss: FloatArray

    @property
    def chosen(self) -> IntArray:
        """The device with the least expected loss, [N]."""
        return np.asarray(np.argmin(self.loss, axis=1), dtype=np.int64)

    @property
    def chosen_p(self) -> FloatArray:
        """The probability that it is the best, [N]."""
        return np.asarray(self.p[np.arange(len(self.p)), self.chosen])


def losses(regrets: FloatArray) -> FloatArray:
    """What choices cost us: regret, of disasters a bounded part, and a little for any mistake."""
    return np.asarray(np.minimum(regrets, MOST_REGRET) + MISTAKE * (regrets > 0))


def outlook_of_probabilities(p: FloatArray) -> Outlook:
    """An outlook where costs are not predicted: every mistake counts the same."""
    return Outlook(p, UNKNOWN_LOSS * (1.0 - p))


def outlook_of_costs(log_costs: FloatArray, residuals: FloatArray, seed: int) -> Outlook:
    """An outlook from predicted costs, by adding residuals that were seen elsewhere.

    Args:
        log_costs: [N, D] predicted; infinite for devices that are out of the question.
        residuals: [R, D] of rows not learned from; whole rows are drawn, which keeps how the
            errors of the devices go together.
        seed: of the draws.
    """
    n_rows, n_devices = log_costs.shape
    counts = np.full(log_costs.shape, 0.5 / n_devices)
    loss = np.zeros(log_costs.shape)
    rows = np.arange(n_rows)
    for draw in np.random.default_rng(seed).integers(len(residuals), size=N_DRAWS):
        drawn = log_costs + residuals[draw]
        best = np.argmin(drawn, axis=1)
        counts[rows, best] += 1.0
        above = np.minimum(drawn - drawn[rows, best][:, None], np.log1p(MOST_REGRET))
        loss += losses(np.expm1(above))
    counts[np.isinf(log_costs)] = 0.0
    return Outlook(counts / counts.sum(axis=1, keepdims=True), loss / N_DRAWS)


def mean_outlook(outlooks: Sequence[Outlook]) -> Outlook:
    """The mean of what several learners expect."""
    return Outlook(
        np.mean([each.p for each in outlooks], axis=0),
        np.mean([each.loss for each in outlooks], axis=0),
    )


def expected_calibration_error(p: FloatArray, is_right: BoolArray) -> float:
    """Mean gap between stated and true share over ten bins of equal width, weighted by rows."""
    if len(p) == 0:
        return 0.0
    bins = np.minimum((p * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs(float(np.sum(p[bins == b] - is_right[bins == b]))) for b in range(N_BINS)]
    return sum(gaps) / len(p)


def _sigmoid(x: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -40.0, 40.0)))


def _log_odds(p: FloatArray) -> FloatArray:
    held = np.clip(p, LEAST_P, MOST_P)
    return np.asarray(np.log(held / (1.0 - held)))
