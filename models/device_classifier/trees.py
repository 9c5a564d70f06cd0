"""Forests that average what their leaves hold: regression and classification alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from models.device_classifier.table import FloatArray, IntArray

MOST_ROWS = 8000  # a tree is grown on
GRID = 2.0**18  # leaves are whole parts of it: sums of up to 64 are exact in single precision too


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """A fitted forest of scikit-learn.

    Attributes:
        model: has `predict_proba` (a classifier) or `predict`.
        n_outputs: C.
        columns: where the model's outputs go among the C; the others are 0.
    """

    model: Any
    n_outputs: int
    columns: IntArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """The mean over the trees, [N, C]."""
        found = np.zeros((len(x), self.n_outputs))
        found[:, self.columns] = self.raw(x)
        return found

    def raw(self, x: FloatArray) -> FloatArray:
        """What the model gives, [N, columns]."""
        if hasattr(self.model, "predict_proba"):
            return np.asarray(self.model.predict_proba(x))
        return np.asarray(self.model.predict(x), dtype=np.float64).reshape(len(x), -1)


def grow_regression(
    x: FloatArray, y: FloatArray, n_trees: int, most_leaves: int | None, seed: int
) -> Trees:
    """Extremely randomised trees of log costs, [N, C]."""
    from sklearn.ensemble import ExtraTreesRegressor

    is_big = len(x) > MOST_ROWS
    model = ExtraTreesRegressor(
        n_estimators=n_trees,
        min_samples_leaf=2,
        max_leaf_nodes=most_leaves,
        random_state=seed,
        max_features=0.6,
        bootstrap=is_big,
        max_samples=MOST_ROWS if is_big else None,
    )
    model.fit(x, y)
    for each in model.estimators_:
        values = each.tree_.value  # not a copy
        values[...] = np.round(values * (GRID / n_trees)) * (n_trees / GRID)
    return Trees(model, y.shape[1], np.arange(y.shape[1]))


def grow_forest(
    x: FloatArray,
    best: IntArray,
    n_outputs: int,
    n_trees: int,
    most_leaves: int | None,
    seed: int,
    weights: FloatArray | None,
) -> Trees:
    """A random forest of the best device of each row."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(
        n_estimators=n_trees,
        max_leaf_nodes=most_leaves,
        random_state=seed,
        max_samples=MOST_ROWS if len(x) > MOST_ROWS else None,
    )
    model.fit(x, best, sample_weight=weights)
    return Trees(model, n_outputs, np.asarray(model.classes_, dtype=np.int64))
