"""How sure a choice is: the probability that the chosen device is the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.device_classifier.table import BoolArray, FloatArray

N_DRAWS = 128
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


def least_cost_probabilities(log_costs: FloatArray, residuals: FloatArray, seed: int) -> FloatArray:
    """How often each device is the cheapest when residuals seen elsewhere are added, [N, D].

    Args:
        log_costs: [N, D] predicted; infinite for devices that are out of the question.
        residuals: [R, D] of rows not learned from; whole rows are drawn, which keeps how the
            errors of the devices go together.
        seed: of the draws.
    """
    n_devices = log_costs.shape[1]
    counts = np.full(log_costs.shape, 0.5 / n_devices)
    draws = np.random.default_rng(seed).integers(len(residuals), size=N_DRAWS)
    rows = np.arange(len(log_costs))
    for draw in draws:
        counts[rows, np.argmin(log_costs + residuals[draw], axis=1)] += 1.0
    counts[np.isinf(log_costs)] = 0.0
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


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
