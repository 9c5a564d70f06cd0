"""Model and features chosen inside the training folds, by regret on rows not learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.confidence import (
    Calibration,
    fit_calibration,
    least_cost_probabilities,
)
from models.device_classifier.scores import regrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.device_classifier.fitting import Fit
    from models.device_classifier.table import FloatArray, IntArray

MOST_REGRET = 2.0  # one disaster must not decide which learner is best
MISTAKE = 0.05  # what a wrong device counts, whatever it costs
N_BLENDED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Who decides, how errors of cost go together, and what its probabilities are worth.

    Attributes:
        members: names of the learners whose mean probability decides.
        residuals: by name of each member that predicts costs, [R, D].
        calibration: of the probability of the chosen device.
        expected: by candidate, its score inside the training folds (less is better).
    """

    members: tuple[str, ...]
    residuals: Mapping[str, FloatArray]
    calibration: Calibration
    expected: Mapping[str, float]

    @property
    def name(self) -> str:
        """The members' names."""
        return " & ".join(self.members)

    def decide(self, fit: Fit, features: FloatArray, seed: int) -> tuple[IntArray, FloatArray]:
        """The device for each row [M], and the probability that it is the best [M]."""
        each = [
            _probabilities(fit.predict(name, features), self.residuals.get(name), seed)
            for name in self.members
        ]
        mean = np.mean(each, axis=0)
        chosen = np.argmax(mean, axis=1)
        return chosen, self.calibration(mean[np.arange(len(mean)), chosen])


def choose(
    predicted: Mapping[str, FloatArray], costing: frozenset[str], costs: FloatArray, seed: int
) -> Choice:
    """Choose among candidates by their predictions [N, D] for rows they did not learn from.

    Args:
        predicted: by candidate: log costs of those in `costing`, else probabilities.
        costing: names of the candidates that predict log costs.
        costs: [N, D] true ones, at least one a row.
        seed: of the draws of residuals.
    """
    residuals = {
        name: _residuals(values, costs) for name, values in predicted.items() if name in costing
    }
    each = {
        name: _probabilities(values, residuals.get(name), seed)
        for name, values in predicted.items()
    }
    expected = {name: _score(values, costs) for name, values in each.items()}
    best = sorted(expected, key=expected.__getitem__)[:N_BLENDED]
    blends = {
        tuple(best[:n]): np.mean([each[m] for m in best[:n]], axis=0)
        for n in range(1, len(best) + 1)
    }
    members = min(blends, key=lambda names: (_score(blends[names], costs), -len(names)))
    mean = blends[members]
    chosen = np.argmax(mean, axis=1)
    return Choice(
        members=members,
        residuals={name: residuals[name] for name in members if name in residuals},
        calibration=fit_calibration(
            mean[np.arange(len(mean)), chosen], regrets_of(costs, chosen) <= 0
        ),
        expected=expected,
    )


def _score(probabilities: FloatArray, costs: FloatArray) -> float:
    regrets = regrets_of(costs, np.argmax(probabilities, axis=1))
    return float(np.mean(np.minimum(regrets, MOST_REGRET) + MISTAKE * (regrets > 0)))


def _residuals(log_costs: FloatArray, costs: FloatArray) -> FloatArray:
    """What predictions missed by, relative to the row's mean miss; 0 where nothing is known."""
    missed = np.log(costs) - np.where(np.isinf(log_costs), np.nan, log_costs)
    known = missed[~np.isnan(missed).all(axis=1)]
    if len(known) == 0:
        return np.zeros((1, costs.shape[1]))
    return np.asarray(np.nan_to_num(known - np.nanmean(known, axis=1, keepdims=True)))


def _probabilities(values: FloatArray, residuals: FloatArray | None, seed: int) -> FloatArray:
    return values if residuals is None else least_cost_probabilities(values, residuals, seed)
