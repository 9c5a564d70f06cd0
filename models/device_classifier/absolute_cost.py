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
    from models.device_classifier.task import Fitted, Learner

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
    every = np.arange(len(costs))
    found = np.full(costs.shape, np.nan)
    for part in inner_parts(table, None, effort.seed):
        inner = _fit(table, objective, part.learned, measured, learner, effort)
        if inner is not None:
            found[np.ix_(part.judged, measured)] = inner(table.features[part.judged])
    sigma = np.full(costs.shape[1], UNKNOWN)
    missed = np.log(costs[:, measured]) - found[:, measured]
    sigma[measured] = np.sqrt(np.nan_to_num(np.nanmean(missed**2, axis=0), nan=UNKNOWN))
    fitted: Fitted | None = decided.fitted.get(learner.name)
    if fitted is None or decided.among.tolist() != measured.tolist():
        fitted = _fit(table, objective, every, measured, learner, effort)
    if fitted is None:
        raise AssertionError(f"no row of {table.name} is measured")
    return AbsoluteCost(fitted, measured, np.minimum(sigma, UNKNOWN), learner.name)


def _fit(
    table: DeviceTable,
    objective: str,
    rows: IntArray,
    measured: IntArray,
    learner: Learner,
    effort: Effort,
) -> Fitted | None:
    """None: a device has no measured cell among the rows."""
    if np.isnan(table.costs(objective)[np.ix_(rows, measured)]).all(axis=0).any():
        return None
    return learner.fit(task_of(table, objective, rows, measured, effort))


def _missed(comparison: Comparison, name: str) -> float:
    found = comparison.predicted[name]
    missed = np.log(comparison.costs) - np.where(np.isinf(found), np.nan, found)
    return float(np.nanmedian(np.abs(missed)))
