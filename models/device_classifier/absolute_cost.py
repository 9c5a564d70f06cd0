"""What each device costs, not only how devices compare; for targets and for online tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.candidates import candidates
from models.device_classifier.inner_split import inner_parts
from models.device_classifier.task import task_of

if TYPE_CHECKING:
    from models.device_classifier.comparison import Comparison
    from models.device_classifier.fitting import Effort, Fit
    from models.device_classifier.table import DeviceTable, FloatArray, IntArray
    from models.device_classifier.task import Fitted

UNKNOWN = 20.0  # log cost and its deviation, of a device that was never measured


@dataclass(frozen=True, slots=True, eq=False)
class AbsoluteCost:
    """Log costs of all devices.

    Attributes:
        fitted: gives those of the measured devices.
        measured: [M] their indices.
        sigma: [D] root mean square of what predictions missed by.
        name: of the learner.
    """

    fitted: Fitted
    measured: IntArray
    sigma: FloatArray
    name: str

    def __call__(self, features: FloatArray) -> FloatArray:
        """Predict raw features, [N, D]."""
        found = np.full((len(features), len(self.sigma)), UNKNOWN)
        found[:, self.measured] = self.fitted(features)
        return found


def fit_absolute(
    table: DeviceTable, objective: str, comparison: Comparison, effort: Effort, decided: Fit
) -> AbsoluteCost:
    """Take the learner that missed least inside the folds, and fit it on all rows.

    What was already fitted to decide, on all devices, is taken as it is.
    """
    learners = [each for each in candidates(table.feature_names) if each.is_absolute]
    learner = min(learners, key=lambda each: _missed(comparison, each.name))
    costs = table.costs(objective)
    measured = np.flatnonzero(~np.isnan(costs).all(axis=0))
    found = np.full(costs.shape, np.nan)
    for part in inner_parts(table, None, effort.seed):
        known = ~np.isnan(costs[np.ix_(part.learned, measured)])
        if known.any(axis=0).all():
            inner = learner.fit(task_of(table, objective, part.learned, measured, effort))
            found[np.ix_(part.judged, measured)] = inner(table.features[part.judged])
    if learner.name in decided.fitted and decided.among.tolist() == measured.tolist():
        fitted = decided.fitted[learner.name]
    else:
        every = np.arange(len(costs))
        fitted = learner.fit(task_of(table, objective, every, measured, effort))
    return AbsoluteCost(fitted, measured, _sigma(np.log(costs) - found), learner.name)


def _sigma(missed: FloatArray) -> FloatArray:
    """Root mean square of misses [N, D]; of a device without any, as of one never measured."""
    counts = (~np.isnan(missed)).sum(axis=0)
    squares = np.nansum(missed**2, axis=0) / np.maximum(counts, 1)
    return np.where(counts > 0, np.minimum(np.sqrt(squares), UNKNOWN), UNKNOWN)


def _missed(comparison: Comparison, name: str) -> float:
    found = comparison.predicted[name]
    missed = np.log(comparison.costs) - np.where(np.isinf(found), np.nan, found)
    return float(np.nanmedian(np.abs(missed)))
