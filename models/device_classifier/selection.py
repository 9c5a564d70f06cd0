"""Model and features chosen inside the training folds, by regret on rows not learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.candidates import STATIC
from models.device_classifier.confidence import (
    Outlook,
    drawn,
    fit_calibration,
    losses,
    mean_outlook,
    outlook_of_costs,
    outlook_of_probabilities,
)
from models.device_classifier.scores import regrets_of
from models.device_classifier.sureness import sure_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.device_classifier.comparison import Comparison
    from models.device_classifier.confidence import Calibration
    from models.device_classifier.table import FloatArray, TextArray

N_BLENDED = 3
BEYOND = 2.0  # standard errors; the best of a dozen equals is ahead by 1.5 by luck


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Who decides, how errors of cost go together, and what its probabilities are worth.

    Attributes:
        members: names of the learners whose mean outlook decides.
        draws: by name of each member that predicts costs, [S, D] residuals.
        temperatures: by name of each member that gives probabilities: see `Member`.
        calibration: of the probability of the chosen device.
        sure_from: the calibrated probability from which a choice is sure.
    """

    members: tuple[str, ...]
    draws: Mapping[str, FloatArray]
    temperatures: Mapping[str, float]
    calibration: Calibration
    sure_from: float

    @property
    def name(self) -> str:
        """The members' names."""
        return " & ".join(self.members)


def choose(comparison: Comparison, seed: int) -> Choice:
    """Choose among candidates by their predictions for rows they did not learn from.

    The best one alone competes with the mean of the best two and of the best three; who does not
    beat the best static device beyond noise gives way to it, for the best of many on few rows is
    partly luck.
    """
    costs = comparison.costs
    draws = _draws(comparison, seed)
    each = {name: _outlook(v, draws.get(name)) for name, v in comparison.predicted.items()}
    lost = {name: _lost(outlook, costs) for name, outlook in each.items()}
    expected = {name: float(np.mean(values)) for name, values in lost.items()}
    best = sorted(expected, key=expected.__getitem__)[:N_BLENDED]
    blends = {
        tuple(best[:n]): _lost(mean_outlook([each[name] for name in best[:n]]), costs)
        for n in range(1, len(best) + 1)
    }
    members = min(blends, key=lambda names: (float(np.mean(blends[names])), -len(names)))
    if not _is_better(blends[members], lost[STATIC.name], comparison.groups):
        members = (STATIC.name,)
    return choice_of(members, comparison, seed)


def choice_of(members: tuple[str, ...], comparison: Comparison, seed: int) -> Choice:
    """These candidates together, calibrated on the rows they were compared on."""
    costs = comparison.costs
    draws = {name: v for name, v in _draws(comparison, seed).items() if name in members}
    decided = mean_outlook(
        [_outlook(comparison.predicted[name], draws.get(name)) for name in members]
    )
    is_right = regrets_of(costs, decided.chosen) <= 0
    calibration = fit_calibration(decided.chosen_p, is_right)
    return Choice(
        members=members,
        draws=draws,
        temperatures={
            name: temperature(comparison.predicted[name], costs)
            for name in members
            if name not in draws
        },
        calibration=calibration,
        sure_from=sure_from(calibration(decided.chosen_p), is_right),
    )


def _draws(comparison: Comparison, seed: int) -> dict[str, FloatArray]:
    return {
        name: drawn(_residuals(values, comparison.costs), seed)
        for name, values in comparison.predicted.items()
        if name in comparison.costing
    }


def temperature(p: FloatArray, costs: FloatArray) -> float:
    """By how much log costs differ where log odds differ by 1: least squares through 0."""
    odds = np.log(np.clip(p, 0.02, 1.0))
    logs = np.log(costs)
    odds = np.where(np.isnan(logs), np.nan, odds)
    x = -(odds - np.nanmean(odds, axis=1, keepdims=True))
    y = logs - np.nanmean(logs, axis=1, keepdims=True)
    slope = float(np.nansum(x * y) / max(float(np.nansum(x * x)), 1e-9))
    return float(np.clip(slope, 0.05, 2.0))


def _lost(outlook: Outlook, costs: FloatArray) -> FloatArray:
    return losses(regrets_of(costs, outlook.chosen))


def _is_better(one: FloatArray, other: FloatArray, groups: TextArray) -> bool:
    """Whether one loses less, row by row, beyond noise; rows of a group err together."""
    gains = other - one
    _, index = np.unique(groups, return_inverse=True)
    sums = np.bincount(index, weights=gains - gains.mean())
    n_groups = len(sums)
    if n_groups == 1:
        return False
    error = np.sqrt(np.sum(sums**2) * n_groups / (n_groups - 1)) / len(gains)
    return float(np.mean(gains)) > BEYOND * float(error)


def _residuals(log_costs: FloatArray, costs: FloatArray) -> FloatArray:
    """What predictions missed by, relative to the row's mean miss; 0 where nothing is known."""
    missed = np.log(costs) - np.where(np.isinf(log_costs), np.nan, log_costs)
    known = missed[~np.isnan(missed).all(axis=1)]
    if len(known) == 0:
        return np.zeros((1, costs.shape[1]))
    return np.asarray(np.nan_to_num(known - np.nanmean(known, axis=1, keepdims=True)))


def _outlook(values: FloatArray, draws: FloatArray | None) -> Outlook:
    if draws is None:
        return outlook_of_probabilities(values)
    return outlook_of_costs(values, draws)
