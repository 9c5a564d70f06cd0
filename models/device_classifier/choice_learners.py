"""Learners that name the best device without predicting what it costs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from models.device_classifier.table import FloatArray, IntArray
    from models.device_classifier.task import Task

MOST_ROWS = 8000  # a tree is grown on; a linear model is fitted on


@dataclass(frozen=True, slots=True)
class Static:
    """Always the device with the least mean regret in training, or the one given."""

    device: int | None = None
    name: str = "static"
    is_cost: bool = False

    def fit(self, task: Task) -> Callable[[FloatArray], FloatArray]:
        """Find the device; the result ignores the features."""
        costs = task.costs
        regrets = costs / np.nanmin(costs, axis=1, keepdims=True) - 1.0
        worst = np.nanmax(regrets, axis=1, keepdims=True)
        means = np.where(np.isnan(regrets), worst, regrets).mean(axis=0)
        chosen = int(np.argmin(means)) if self.device is None else self.device
        row = np.full(costs.shape[1], 1e-6)
        row[chosen] = 1.0
        return lambda features: np.tile(row / row.sum(), (len(features), 1))


@dataclass(frozen=True, slots=True)
class Logistic:
    """Multinomial logistic regression on one view of the features."""

    view: str
    strength: float = 1.0
    is_cost: bool = False

    @property
    def name(self) -> str:
        """Names the view."""
        return f"logistic, {self.view}"

    def fit(self, task: Task) -> Callable[[FloatArray], FloatArray]:
        """Learn from the best device of each row."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=self.strength, max_iter=300, tol=1e-3)
        )
        return _classifier(model, task, self.view, {})


@dataclass(frozen=True, slots=True)
class Forest:
    """A random forest of the best device; `is_weighted`: rows count by what a mistake costs."""

    view: str
    is_weighted: bool = False
    is_cost: bool = False

    @property
    def name(self) -> str:
        """Names the view, and whether rows are weighted."""
        return f"forest, {self.view}{', weighted' if self.is_weighted else ''}"

    def fit(self, task: Task) -> Callable[[FloatArray], FloatArray]:
        """Learn from the best device of each row."""
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(
            n_estimators=task.n_trees,
            random_state=task.seed,
            max_samples=MOST_ROWS if len(task.costs) > MOST_ROWS else None,
        )
        fit_args = {"sample_weight": _stakes(task.costs)} if self.is_weighted else {}
        return _classifier(model, task, self.view, fit_args)


def _stakes(costs: FloatArray) -> FloatArray:
    """What is lost by the second best, [N], between 0.03 and 1."""
    ordered = np.sort(np.where(np.isnan(costs), np.inf, costs), axis=1)
    second = ordered[:, 1] if costs.shape[1] > 1 else ordered[:, 0]
    regrets = np.where(np.isfinite(second), second / ordered[:, 0] - 1.0, 0.0)
    return np.clip(regrets, 0.03, 1.0)


def _classifier(
    model: Any, task: Task, view: str, fit_args: dict[str, FloatArray]
) -> Callable[[FloatArray], FloatArray]:
    best: IntArray = task.best
    n_devices = task.costs.shape[1]
    classes = np.unique(best)
    if len(classes) == 1 or not task.views.kept:
        share = np.bincount(best, minlength=n_devices) / len(best)
        return lambda features: np.tile(share, (len(features), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an optimiser that stops early is judged like the others
        model.fit(task.views.view(view, task.features), best, **fit_args)

    def probabilities(features: FloatArray) -> FloatArray:
        found = np.zeros((len(features), n_devices))
        found[:, classes] = model.predict_proba(task.views.view(view, features))
        return found

    return probabilities
