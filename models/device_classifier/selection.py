"""Model and features chosen inside the training folds, by regret on rows not learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.candidates import STATIC
from models.device_classifier.confidence import (
    Outlook,
    fit_calibration,
    losses,
    mean_outlook,
    outlook_of_costs,
    outlook_of_probabilities,
)
from models.device_classifier.scores import regrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.device_classifier.confidence import Calibration
    from models.device_classifier.fitting import Fit
    from models.device_classifier.table import FloatArray, IntArray

N_BLENDED = 3
BEYOND = 2.0  # standard errors; the best of a dozen equals is ahead by 1.5 by luck


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Who decides, how errors of cost go together, and what its probabilities are worth.

    Attributes:
        members: names of the learners whose mean outlook decides.
        residuals: by name of each member that predicts costs, [R, D].
        calibration: of the probability of the chosen device.
        expected: by candidate, its mean loss inside the training folds .
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
        outlook = mean_outlook(
            [
                _outlook(fit.predict(name, features), self.residuals.get(name), seed)
                for name in self.members
            ]
        )
        return outlook.chosen, self.calibration(outlook.chosen_p)


def choose(
    predicted: Mapping[str, FloatArray], costing: frozenset[str], costs: FloatArray, seed: int
) -> Choice:
    """Choose among candidates by their predictions [N, D] for rows they did not learn from.

    The best one alone competes with the mean of the best two and of the best three; who does not
    beat the best static device beyond noise gives way to it, for the best of many on few rows is
    partly luck.

    Args:
        predicted: by candidate, the static one among them: log costs of those in `costing`,
            else probabilities.
        costing: names of the candidates that predict log costs.
        costs: [N, D] true ones, at least one a row.
        seed: of the draws of residuals.
    """
    residuals = {
        name: _residuals(values, costs) for name, values in predicted.items() if name in costing
    }
    each = {name: _outlook(values, residuals.get(name), seed) for name, values in predicted.items()}
    expected = {name: _loss(outlook, costs) for name, outlook in each.items()}
    best = sorted(expected, key=expected.__getitem__)[:N_BLENDED]
    blends = {
        tuple(best[:n]): mean_outlook([each[name] for name in best[:n]])
        for n in range(1, len(best) + 1)
    }
    members = min(blends, key=lambda names: (_loss(blends[names], costs), -len(names)))
    simplest = each[STATIC.name]
    if not _is_better(blends[members], simplest, costs):
        members, blends = (STATIC.name,), {(STATIC.name,): simplest}
    decided = blends[members]
    is_right = regrets_of(costs, decided.chosen) <= 0
    return Choice(
        members=members,
        residuals={name: residuals[name] for name in members if name in residuals},
        calibration=fit_calibration(decided.chosen_p, is_right),
        expected=expected,
    )


def _loss(outlook: Outlook, costs: FloatArray) -> float:
    return float(np.mean(losses(regrets_of(costs, outlook.chosen))))


def _is_better(one: Outlook, other: Outlook, costs: FloatArray) -> bool:
    """Whether one loses less, row by row, by more than a standard error."""
    gains = losses(regrets_of(costs, other.chosen)) - losses(regrets_of(costs, one.chosen))
    return float(np.mean(gains)) > BEYOND * float(np.std(gains) / np.sqrt(len(gains)))


def _residuals(log_costs: FloatArray, costs: FloatArray) -> FloatArray:
    """What predictions missed by, relative to the row's mean miss; 0 where nothing is known."""
    missed = np.log(costs) - np.where(np.isinf(log_costs), np.nan, log_costs)
    known = missed[~np.isnan(missed).all(axis=1)]
    if len(known) == 0:
        return np.zeros((1, costs.shape[1]))
    return np.asarray(np.nan_to_num(known - np.nanmean(known, axis=1, keepdims=True)))


def _outlook(values: FloatArray, residuals: FloatArray | None, seed: int) -> Outlook:
    if residuals is None:
        return outlook_of_probabilities(values)
    return outlook_of_costs(values, residuals, seed)
