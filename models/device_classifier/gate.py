"""Where cells are empty: a device that does not run somewhere must not be chosen there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.trees import Trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.device_classifier.features import FeatureViews
    from models.device_classifier.table import BoolArray, FloatArray

MOST_ROWS = 3000
OFTEN_MISSING = 0.05  # below this share empty cells are chance, and nothing is learned from them
N_TREES = 30
MOST_LEAVES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """Which of C contenders are likely to run.

    Attributes:
        n_contenders: C.
        views: of the features; the logarithmic one is looked at.
        forests: by contender that is often missing: does not run, runs.
    """

    n_contenders: int
    views: FeatureViews
    forests: Mapping[int, Trees]

    def __call__(self, features: FloatArray) -> BoolArray:
        """[M, C] from raw features; all, where none is likely to run."""
        found = np.ones((len(features), self.n_contenders), dtype=bool)
        for column, forest in self.forests.items():
            found[:, column] = forest(self.views.view("log", features))[:, 1] > 0.5
        found[~found.any(axis=1)] = True
        return found


def fit_gate(views: FeatureViews, features: FloatArray, is_measured: BoolArray, seed: int) -> Gate:
    """Learn from which cells [N, C] of training rows were measured."""
    from sklearn.ensemble import ExtraTreesClassifier

    step = len(features) // MOST_ROWS + 1
    features, is_measured = features[::step], is_measured[::step]
    often = np.flatnonzero((~is_measured).mean(axis=0) > OFTEN_MISSING)
    if not views.kept:
        often = often[:0]
    forests: dict[int, Trees] = {}
    for column in often:
        model = ExtraTreesClassifier(
            n_estimators=N_TREES,
            min_samples_leaf=3,
            max_leaf_nodes=MOST_LEAVES,
            random_state=seed,
        )
        model.fit(views.view("log", features), is_measured[:, column])
        forests[int(column)] = Trees(model, 2, np.asarray(model.classes_, dtype=np.int64))
    return Gate(is_measured.shape[1], views, forests)
