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
EQUAL = 1e-6  # log costs so near to each other are the same
PRIOR_COUNT = 0.5  # of all draws, spread over the devices


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
        p: probability that it is the best, [N, D]; sums to 1 once it is calibrated (draws of
            which several are the best count for each).
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

    def calibrated(self, calibration: Calibration) -> Outlook:
        """The same with the chosen device's probability calibrated, the others' scaled to it."""
        odds = _log_odds(self.p)
        moved = (calibration.slope - 1.0) * odds + calibration.offset
        is_chosen = np.arange(self.p.shape[1]) == self.chosen[:, None]
        powers = np.clip(self.p, LEAST_P, MOST_P) * np.exp(moved * is_chosen)
        return Outlook(powers / powers.sum(axis=1, keepdims=True), self.loss)


def losses(regrets: FloatArray) -> FloatArray:
    """What choices cost us: regret, of disasters a bounded part, and a little for any mistake."""
    return np.asarray(np.minimum(regrets, MOST_REGRET) + MISTAKE * (regrets > 0))


def outlook_of_probabilities(p: FloatArray) -> Outlook:
    """An outlook where costs are not predicted: every mistake counts the same."""
    return Outlook(p, UNKNOWN_LOSS * (1.0 - p))


def drawn(residuals: FloatArray, seed: int) -> FloatArray:
    """Some of the residuals [R, D], whole rows with replacement, [N_DRAWS, D]."""
    return residuals[np.random.default_rng(seed).integers(len(residuals), size=N_DRAWS)]


def outlook_of_costs(log_costs: FloatArray, draws: FloatArray) -> Outlook:
    """An outlook from predicted costs, by adding residuals that were seen elsewhere.

    Args:
        log_costs: [N, D] predicted; infinite for devices that are out of the question.
        draws: [S, D] residuals of rows not learned from; whole rows are added, which keeps how
            the errors of the devices go together.
    """
    counts = np.full(log_costs.shape, PRIOR_COUNT / log_costs.shape[1])
    loss = np.zeros(log_costs.shape)
    for residuals in draws:
        costs = log_costs + residuals
        least = costs.min(axis=1, keepdims=True)
        above = np.minimum(costs - least, np.log1p(MOST_REGRET))
        counts += above < EQUAL
        loss += np.expm1(above) + MISTAKE * (above >= EQUAL)
    runs = ~np.isinf(log_costs)
    total = len(draws) + PRIOR_COUNT * runs.mean(axis=1, keepdims=True)
    return Outlook(np.where(runs, counts, 0.0) / total, loss / len(draws))


def mean_costs(weighted: Sequence[tuple[FloatArray, float]]) -> FloatArray:
    """The weighted mean of log costs [N, D]; infinite for devices that are out of the question."""
    total = sum(weight for _, weight in weighted)
    return np.asarray(sum(values * (weight / total) for values, weight in weighted))


def mean_outlook(outlooks: Sequence[Outlook], weights: Sequence[float]) -> Outlook:
    """The weighted mean of what several learners expect."""
    return Outlook(
        np.average([each.p for each in outlooks], axis=0, weights=weights),
        np.average([each.loss for each in outlooks], axis=0, weights=weights),
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
