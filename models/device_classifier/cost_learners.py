"""Learners that predict the log cost on every device; the least is chosen.

A cost is a physical part (non-negative least squares on relative error, per device) times what
a residual learner makes of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.residuals import fit_residuals
from models.device_classifier.roofline import batch_sizes
from models.device_classifier.task import filled_logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.device_classifier.table import FloatArray
    from models.device_classifier.task import Task

MOST_ROWS = 1500  # least squares gain nothing from more
LEAST_SHARE = 1e-3  # a physical part below this share of the least cost seen is not believed


@dataclass(frozen=True, slots=True)
class PhysicalCost:
    """Log costs as `base` plus `residual`.

    Attributes:
        base: `none` (residuals alone, relative to the row's mean), `roofline` (features known by
            name), `products` (products of up to two features whatever they mean).
        residual: `none`, `ridge`, `kernel` or `trees`.
        view: of the features, for the residual.
    """

    base: str
    residual: str
    view: str = "log"
    is_cost: bool = True

    @property
    def name(self) -> str:
        """Names all parts."""
        return f"cost: {self.base} + {self.residual}, {self.view}"

    def fit(self, task: Task) -> Callable[[FloatArray], FloatArray]:
        """Learn the physical part, then what is left of it."""
        physical = _physical(self.base, task)
        logs = filled_logs(task.costs)
        left = logs - physical(task.features)
        if self.base == "none":
            left = left - left.mean(axis=1, keepdims=True)
        if self.residual == "none" or not task.views.kept:
            return lambda features: physical(features) + left.mean(axis=0)
        rest = fit_residuals(
            self.residual, task.views.view(self.view, task.features), left, task.n_trees, task.seed
        )
        return lambda features: physical(features) + rest(task.views.view(self.view, features))


def _physical(base: str, task: Task) -> Callable[[FloatArray], FloatArray]:
    if base == "none":
        n_devices = task.costs.shape[1]
        return lambda features: np.zeros((len(features), n_devices))
    views, names = task.views, task.views.names

    def basis(features: FloatArray, kind: str) -> FloatArray:
        if base == "roofline":
            return np.column_stack([term.values for term in views.terms(kind, features)])
        return views.products(features)

    per_batch = task.is_rate and base == "roofline"
    times = batch_sizes(names, views.known(task.features)) if per_batch else 1.0
    fitted = [
        _fit_non_negative(basis(task.features, kind), task.costs[:, d] * times)
        for d, kind in enumerate(task.kinds)
    ]

    def log_costs(features: FloatArray) -> FloatArray:
        columns = [
            np.log(np.maximum(basis(features, kind) @ weights, floor))
            for kind, (weights, floor) in zip(task.kinds, fitted, strict=True)
        ]
        shift = np.log(batch_sizes(names, views.known(features))) if per_batch else 0.0
        return np.asarray(np.column_stack(columns) - np.reshape(shift, (-1, 1)))

    return log_costs


def _fit_non_negative(basis: FloatArray, costs: FloatArray) -> tuple[FloatArray, float]:
    """Weights of the basis with the least relative error, and the least cost to believe."""
    from scipy.optimize import nnls

    rows = np.flatnonzero(~np.isnan(costs))
    floor = LEAST_SHARE * float(np.min(costs[rows]))
    if len(rows) > MOST_ROWS:
        rows = rows[:: len(rows) // MOST_ROWS + 1]
    relative = basis[rows] / costs[rows, None]
    sizes = np.linalg.norm(relative, axis=0)
    sizes[sizes == 0] = 1.0
    try:
        weights, _ = nnls(relative / sizes, np.ones(len(rows)), maxiter=20 * basis.shape[1])
    except RuntimeError:  # no convergence: a constant is the physical part
        return np.eye(basis.shape[1])[0] * float(np.median(costs[rows])), floor
    return np.asarray(weights / sizes, dtype=np.float64), floor
