"""Learners that predict the log cost on every device; the least is chosen.

A cost is a physical part (non-negative least squares on relative error, per device) times what
a residual learner makes of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.physical import Physical, fit_physical
from models.device_classifier.residuals import fit_residuals
from models.device_classifier.task import filled_logs

if TYPE_CHECKING:
    from models.device_classifier.features import FeatureViews
    from models.device_classifier.residuals import Residuals
    from models.device_classifier.table import FloatArray
    from models.device_classifier.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class FittedCost:
    """Log costs [N, C]: the physical part, plus the residuals' view of what is left of it.

    Attributes:
        views: of the features; `view` is the one the residuals were fitted on.
        physical: None: log costs are relative to the row's mean.
        rest: None: nothing was learned of it but its mean.
        offset: [C] mean of what was left, where there is no `rest`.
    """

    views: FeatureViews
    view: str
    physical: Physical | None
    rest: Residuals | None
    offset: FloatArray

    def __call__(self, features: FloatArray) -> FloatArray:
        """Predict from raw features."""
        logs = np.tile(self.offset, (len(features), 1))
        if self.physical is not None:
            logs = logs + self.physical(features)
        if self.rest is not None:
            logs = logs + self.rest(self.views.view(self.view, features))
        return logs


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

    @property
    def is_absolute(self) -> bool:
        """Whether it tells what a device costs, not only how devices compare."""
        return self.base != "none"

    def fit(self, task: Task) -> FittedCost:
        """Learn the physical part, then what is left of it."""
        left = filled_logs(task.costs)
        physical = None if self.base == "none" else fit_physical(self.base, task)
        if physical is None:
            left = left - left.mean(axis=1, keepdims=True)
        else:
            left = left - physical(task.features)
        if self.residual == "none" or not task.views.kept:
            return FittedCost(task.views, self.view, physical, None, left.mean(axis=0))
        rest = fit_residuals(
            self.residual,
            task.views.view(self.view, task.features),
            left,
            task.units,
            task.n_trees,
            task.most_leaves,
            task.seed,
        )
        return FittedCost(task.views, self.view, physical, rest, np.zeros(left.shape[1]))
