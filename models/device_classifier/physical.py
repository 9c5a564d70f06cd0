"""The physical part of a cost: per device, non-negative least squares on relative error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.products import ONE, Units
from models.device_classifier.roofline import batch_index, roofline_factors, roofline_units

if TYPE_CHECKING:
    from models.device_classifier.features import FeatureViews
    from models.device_classifier.products import Factors
    from models.device_classifier.table import FloatArray
    from models.device_classifier.task import Task

MOST_ROWS = 1500  # least squares gain nothing from more
LEAST_SHARE = 1e-5  # of the least cost seen: the physical part is never below it
LEAST_BATCH = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Physical:
    """Log costs [N, C] as logarithms of weighted products.

    Attributes:
        units: of the products; `factors` says of which units each of the T is made.
        weights: [T, C], none below 0.
        floors: [C] what nothing costs less than, added.
        batch: index of the batch size, where costs are the time of one input; else None.
    """

    units: Units
    factors: Factors
    weights: FloatArray
    floors: FloatArray
    batch: int | None

    def __call__(self, features: FloatArray) -> FloatArray:
        """Predict from raw features."""
        costs = self.units.products(features, self.factors) @ self.weights
        logs = np.log(costs + self.floors)
        if self.batch is None:
            return np.asarray(logs)
        return np.asarray(logs - np.log(_batches(self.units, features, self.batch)))


def fit_physical(base: str, task: Task) -> Physical:
    """Fit every contender; products that none of them uses are left out."""
    names = task.views.names
    if base == "roofline":
        units = roofline_units(names, task.views.fill)
        each = [roofline_factors(names, units, kind) for kind in task.kinds]
    else:
        units = Units(
            task.views.fill, np.zeros(len(names)), np.minimum(task.views.least, 0.0), None
        )
        each = [_paired(task.views, units)] * len(task.kinds)
    batch = batch_index(names) if task.is_rate and base == "roofline" else None
    times = np.ones((len(task.costs), 1))
    if batch is not None:
        times = _batches(units, task.features, batch)
    fitted = [
        _fit_non_negative(units.products(task.features, factors), costs)
        for factors, costs in zip(each, (task.costs * times).T, strict=True)
    ]
    used = {
        factor: None
        for factors, (weights, _) in zip(each, fitted, strict=True)
        for factor, weight in zip(factors, weights, strict=True)
        if weight > 0
    }
    order = {factor: row for row, factor in enumerate(used)}
    weights = np.zeros((len(used), len(each)))
    for column, (factors, (found, _)) in enumerate(zip(each, fitted, strict=True)):
        for factor, weight in zip(factors, found, strict=True):
            if weight > 0:
                weights[order[factor], column] += weight
    floors = np.array([floor for _, floor in fitted])
    return Physical(units, tuple(used), weights, floors, batch)


def _paired(views: FeatureViews, units: Units) -> Factors:
    alone = [(units.size(i), ONE, ONE) for i in views.kept]
    crossed = [
        (units.size(i), units.size(j), ONE) for i in views.paired for j in views.paired if i <= j
    ]
    return ((ONE, ONE, ONE), *alone, *crossed)


def _batches(units: Units, features: FloatArray, batch: int) -> FloatArray:
    return np.asarray(np.maximum(units.sizes(features)[:, [batch]], LEAST_BATCH))


def _fit_non_negative(basis: FloatArray, costs: FloatArray) -> tuple[FloatArray, float]:
    """Weights of the basis with the least relative error, and what is added to it."""
    from scipy.optimize import nnls

    rows = np.flatnonzero(~np.isnan(costs))
    floor = LEAST_SHARE * float(np.min(costs[rows]))
    if len(rows) > MOST_ROWS:
        rows = rows[:: len(rows) // MOST_ROWS + 1]
    relative = basis[rows] / costs[rows, None]
    sizes = np.linalg.norm(relative, axis=0)
    sizes[sizes == 0] = 1.0
    try:
        aim = 1.0 - floor / costs[rows]
        weights, _ = nnls(relative / sizes, aim, maxiter=20 * basis.shape[1])
    except RuntimeError:  # no convergence: a constant is the physical part
        return np.eye(basis.shape[1])[0] * float(np.median(costs[rows])), floor
    return np.asarray(weights / sizes, dtype=np.float64), floor
