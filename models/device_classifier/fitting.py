"""Learners fitted on some rows of a table, predicting over all of its devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.task import contenders, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.device_classifier.features import FeatureViews
    from models.device_classifier.table import DeviceTable, FloatArray, IntArray
    from models.device_classifier.task import Learner, Task

MOST_GATE_ROWS = 3000
OFTEN_MISSING = 0.05  # below this share empty cells are chance, and nothing is learned from them
N_GATE_TREES = 30


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What was learned from some rows, for one objective.

    Attributes:
        n_devices: D of the table.
        among: the contenders, C indices of devices.
        gate: [M, F] raw features to [M, C]: whether a device is likely to run at all.
        fitted: by learner's name, raw features to [M, C].
        costing: names of the learners that predict log costs.
    """

    n_devices: int
    among: IntArray
    gate: Callable[[FloatArray], FloatArray]
    fitted: Mapping[str, Callable[[FloatArray], FloatArray]]
    costing: frozenset[str]

    def predict(self, name: str, features: FloatArray) -> FloatArray:
        """Log costs [M, D] (infinite: out of the question) or probabilities (0)."""
        values = self.fitted[name](features)
        runs = self.gate(features) > 0
        runs[~runs.any(axis=1)] = True
        is_cost = name in self.costing
        found = np.full((len(features), self.n_devices), np.inf if is_cost else 0.0)
        found[:, self.among] = np.where(runs, values, np.inf if is_cost else 1e-9)
        return found


def fit(
    table: DeviceTable,
    objective: str,
    rows: IntArray,
    learners: Sequence[Learner],
    *,
    seed: int,
    n_trees: int,
) -> Fit:
    """Fit learners on training rows; devices that are never near the best are left out."""
    costs = table.costs(objective)[rows]
    among = contenders(costs)
    task = task_of(table, objective, rows, among, seed, n_trees)
    return Fit(
        n_devices=len(table.devices),
        among=among,
        gate=_gate(task.views, table.features[rows], ~np.isnan(costs[:, among]), seed),
        fitted={learner.name: _learn(learner, task) for learner in learners},
        costing=frozenset(learner.name for learner in learners if learner.is_cost),
    )


def _learn(learner: Learner, task: Task) -> Callable[[FloatArray], FloatArray]:
    if task.costs.shape[1] == 1:  # nothing to learn: the same log cost, or certainty
        value = 0.0 if learner.is_cost else 1.0
        return lambda features: np.full((len(features), 1), value)
    return learner.fit(task)


def _gate(
    views: FeatureViews, features: FloatArray, is_measured: np.ndarray, seed: int
) -> Callable[[FloatArray], FloatArray]:
    """Learn where cells are empty: a device that does not run there must not be chosen."""
    from sklearn.ensemble import ExtraTreesClassifier

    step = len(features) // MOST_GATE_ROWS + 1
    features, is_measured = features[::step], is_measured[::step]
    often = np.flatnonzero((~is_measured).mean(axis=0) > OFTEN_MISSING)
    n_devices = is_measured.shape[1]
    if len(often) == 0 or not views.kept:
        return lambda new: np.ones((len(new), n_devices))
    forests = {
        int(d): ExtraTreesClassifier(
            n_estimators=N_GATE_TREES, min_samples_leaf=3, random_state=seed
        ).fit(views.view("log", features), is_measured[:, d])
        for d in often
    }

    def runs(new: FloatArray) -> FloatArray:
        found = np.ones((len(new), n_devices))
        for d, forest in forests.items():
            found[:, d] = forest.predict(views.view("log", new))
        return found

    return runs
