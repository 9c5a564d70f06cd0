"""Learners that name the best device without predicting what it costs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.residuals import Linear
from models.device_classifier.trees import grow_forest

if TYPE_CHECKING:
    from models.device_classifier.features import FeatureViews
    from models.device_classifier.table import FloatArray
    from models.device_classifier.task import Task
    from models.device_classifier.trees import Trees

LEAST_STAKE = 0.03  # regret of the second best from which a row counts more
NEVER = -60.0  # logit of a device that was never the best


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """The same probabilities [C] whatever the features are."""

    p: FloatArray

    def __call__(self, features: FloatArray) -> FloatArray:
        """Probabilities, [N, C]."""
        return np.tile(self.p, (len(features), 1))


@dataclass(frozen=True, slots=True, eq=False)
class FittedClassifier:
    """Probabilities [N, C] from one view of the features: of a forest, or softmax of logits."""

    views: FeatureViews
    view: str
    model: Trees | Linear

    def __call__(self, features: FloatArray) -> FloatArray:
        """Predict from raw features."""
        found = self.model(self.views.view(self.view, features))
        return softmax(found) if isinstance(self.model, Linear) else found


@dataclass(frozen=True, slots=True)
class Static:
    """Always the device with the least mean regret in training, or the one given."""

    device: int | None = None
    name: str = "static"
    is_cost: bool = False
    is_absolute: bool = False

    def fit(self, task: Task) -> Shares:
        """Find the device; the result ignores the features."""
        costs = task.costs
        regrets = costs / np.nanmin(costs, axis=1, keepdims=True) - 1.0
        worst = np.nanmax(regrets, axis=1, keepdims=True)
        means = np.where(np.isnan(regrets), worst, regrets).mean(axis=0)
        chosen = int(np.argmin(means)) if self.device is None else self.device
        row = np.full(costs.shape[1], 1e-6)
        row[chosen] = 1.0
        return Shares(row / row.sum())


@dataclass(frozen=True, slots=True)
class Logistic:
    """Multinomial logistic regression; `is_weighted`: rows count by what a mistake costs."""

    view: str
    strength: float = 1.0
    is_weighted: bool = False
    is_cost: bool = False
    is_absolute: bool = False

    @property
    def name(self) -> str:
        """Names the view, and whether rows are weighted."""
        return f"logistic, {self.view}{', weighted' if self.is_weighted else ''}"

    def fit(self, task: Task) -> FittedClassifier | Shares:
        """Learn from the best device of each row."""
        from sklearn.linear_model import LogisticRegression

        if not _is_learnable(task):
            return _shares(task)
        x = task.views.view(self.view, task.features)
        center, spread = x.mean(axis=0), x.std(axis=0)
        spread[spread == 0] = 1.0
        n_contenders = task.costs.shape[1]
        model = LogisticRegression(C=self.strength, max_iter=300, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one that stops early is judged like the others
            weights = _stakes(task.costs) if self.is_weighted else None
            model.fit((x - center) / spread, task.best, sample_weight=weights)
        logits = np.asarray(model.coef_ / spread), np.asarray(model.intercept_)
        if len(logits[0]) == 1:  # of two classes only the second one's logit is kept
            logits = np.vstack([0 * logits[0], logits[0]]), np.append(0.0, logits[1])
        slopes, intercept = np.zeros((x.shape[1], n_contenders)), np.full(n_contenders, NEVER)
        slopes[:, model.classes_] = logits[0].T
        intercept[model.classes_] = logits[1] - logits[0] @ center
        return FittedClassifier(task.views, self.view, Linear(slopes, intercept))


@dataclass(frozen=True, slots=True)
class Forest:
    """A random forest of the best device; `is_weighted`: rows count by what a mistake costs."""

    view: str
    is_weighted: bool = False
    is_cost: bool = False
    is_absolute: bool = False

    @property
    def name(self) -> str:
        """Names the view, and whether rows are weighted."""
        return f"forest, {self.view}{', weighted' if self.is_weighted else ''}"

    def fit(self, task: Task) -> FittedClassifier | Shares:
        """Learn from the best device of each row."""
        if not _is_learnable(task):
            return _shares(task)
        trees = grow_forest(
            task.views.view(self.view, task.features),
            task.best,
            task.costs.shape[1],
            task.n_trees,
            task.most_leaves,
            task.seed,
            _stakes(task.costs) if self.is_weighted else None,
        )
        return FittedClassifier(task.views, self.view, trees)


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities from logits [N, C]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _stakes(costs: FloatArray) -> FloatArray:
    """What is lost by the second best, at most 1, over the mean of that, [N]."""
    ordered = np.sort(np.where(np.isnan(costs), np.inf, costs), axis=1)
    second = ordered[:, 1] if costs.shape[1] > 1 else ordered[:, 0]
    regrets = np.where(np.isfinite(second), second / ordered[:, 0] - 1.0, 0.0)
    stakes = np.clip(regrets, LEAST_STAKE, 1.0)
    return np.asarray(stakes / stakes.mean())


def _is_learnable(task: Task) -> bool:
    return len(np.unique(task.best)) > 1 and bool(task.views.kept)


def _shares(task: Task) -> Shares:
    return Shares(np.bincount(task.best, minlength=task.costs.shape[1]) / len(task.best))
