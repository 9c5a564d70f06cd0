"""Model and features chosen inside the training folds, by regret on rows not learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.confidence import (
    Outlook,
    drawn,
    fit_calibration,
    losses,
    mean_costs,
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

NOISE_SHARE = 1.0  # of a standard error behind the best, and a candidate weighs e times less
MOST_MEMBERS = 6
LEAST_WEIGHT = 0.06  # one that weighs less than this share is left out


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Who decides, how errors of cost go together, and what its probabilities are worth.

    Attributes:
        members: by name of each learner that decides, its weight; they sum to 1.
        draws: [S, D] what the weighted mean of the members that predict costs missed by; None
            where none does.
        temperatures: by name of each member that gives probabilities: see `Member`.
        calibration: of the probability of the chosen device.
        sure_from: the calibrated probability from which a choice is sure.
    """

    members: Mapping[str, float]
    draws: FloatArray | None
    temperatures: Mapping[str, float]
    calibration: Calibration
    sure_from: float

    @property
    def name(self) -> str:
        """The members' names, and what each weighs where there are several."""
        if len(self.members) == 1:
            return next(iter(self.members))
        return " & ".join(f"{weight:.0%} {name}" for name, weight in self.members.items())


def choose(comparison: Comparison, seed: int) -> Choice:
    """Choose among candidates by their predictions for rows they did not learn from.

    The best one takes part, and with it those that are behind it by no more than noise: the best
    of many on few rows is partly luck, and the mean of equals errs less than any of them. The
    baselines are candidates like all others, so that where nothing can be learned, the best
    static device weighs as much as those that found patterns in noise.
    """
    lost = {
        name: _lost(together({name: 1.0}, comparison, seed)[0], comparison.costs)
        for name in comparison.predicted
    }
    return choice_of(weights_of(lost, comparison.groups), comparison, seed)


def weights_of(lost: Mapping[str, FloatArray], groups: TextArray) -> dict[str, float]:
    """Weights of candidates by what each lost row by row, [N]; heaviest first."""
    best = min(lost, key=lambda name: float(np.mean(lost[name])))
    raw = {best: 1.0}
    for name, values in lost.items():
        gaps = values - lost[best]
        noise = NOISE_SHARE * max(standard_error(gaps, groups), 1e-9)
        raw[name] = 1.0 if name == best else float(np.exp(-np.mean(gaps) / noise))
    heaviest = sorted(raw, key=raw.__getitem__, reverse=True)[:MOST_MEMBERS]
    total = sum(raw[name] for name in heaviest)
    kept = {name: raw[name] for name in heaviest if raw[name] >= LEAST_WEIGHT * total}
    return {name: weight / sum(kept.values()) for name, weight in kept.items()}


def standard_error(values: FloatArray, groups: TextArray) -> float:
    """Of the mean of values [N], of which those of a group go together."""
    _, index = np.unique(groups, return_inverse=True)
    sums = np.bincount(index, weights=values - values.mean())
    n_groups = len(sums)
    if n_groups == 1:
        return float(np.std(values))
    return float(np.sqrt(np.sum(sums**2) * n_groups / (n_groups - 1)) / len(values))


def choice_of(members: Mapping[str, float], comparison: Comparison, seed: int) -> Choice:
    """These candidates together, calibrated on the rows they were compared on."""
    costs = comparison.costs
    decided, draws = together(members, comparison, seed)
    is_right = regrets_of(costs, decided.chosen) <= 0
    calibration = fit_calibration(decided.chosen_p, is_right)
    return Choice(
        members=members,
        draws=draws,
        temperatures={
            name: temperature(comparison.predicted[name], costs)
            for name in members
            if name not in comparison.costing
        },
        calibration=calibration,
        sure_from=sure_from(calibration(decided.chosen_p), is_right),
    )


def together(
    members: Mapping[str, float], comparison: Comparison, seed: int
) -> tuple[Outlook, FloatArray | None]:
    """What candidates expect together of the rows they were compared on; draws as in `Choice`."""
    costing = [(comparison.predicted[n], w) for n, w in members.items() if n in comparison.costing]
    naming = [(n, w) for n, w in members.items() if n not in comparison.costing]
    outlooks = [outlook_of_probabilities(comparison.predicted[name]) for name, _ in naming]
    weights, draws = [weight for _, weight in naming], None
    if costing:
        costs = mean_costs(costing)
        draws = drawn(_residuals(costs, comparison.costs), seed)
        outlooks.append(outlook_of_costs(costs, draws))
        weights.append(sum(weight for _, weight in costing))
    return mean_outlook(outlooks, weights), draws


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


def _residuals(log_costs: FloatArray, costs: FloatArray) -> FloatArray:
    """What predictions missed by, relative to the row's mean miss; 0 where nothing is known."""
    missed = np.log(costs) - np.where(np.isinf(log_costs), np.nan, log_costs)
    known = missed[~np.isnan(missed).all(axis=1)]
    if len(known) == 0:
        return np.zeros((1, costs.shape[1]))
    return np.asarray(np.nan_to_num(known - np.nanmean(known, axis=1, keepdims=True)))
