"""Learners fitted on some rows of a table, predicting over all of its devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.choice_learners import Shares
from models.device_classifier.gate import fit_gate
from models.device_classifier.task import contenders, task_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.device_classifier.gate import Gate
    from models.device_classifier.table import DeviceTable, FloatArray, IntArray
    from models.device_classifier.task import Fitted, Learner, Task


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a fit may draw and grow.

    Attributes:
        seed: of whatever a learner draws.
        n_trees: of a forest.
        most_leaves: of each tree; None: as many as it grows.
    """

    seed: int
    n_trees: int
    most_leaves: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What was learned from some rows, for one objective.

    Attributes:
        task: the rows learned from, with their contenders only.
        n_devices: D of the table.
        among: the contenders, C indices of devices.
        gate: whether a contender is likely to run at all.
        fitted: by learner's name.
        costing: names of the learners that predict log costs.
    """

    task: Task
    n_devices: int
    among: IntArray
    gate: Gate
    fitted: Mapping[str, Fitted]
    costing: frozenset[str]

    def predict(self, name: str, features: FloatArray) -> FloatArray:
        """Log costs [M, D] (infinite: out of the question) or probabilities (0)."""
        values = self.fitted[name](features)
        runs = self.gate(features)
        is_cost = name in self.costing
        found = np.full((len(features), self.n_devices), np.inf if is_cost else 0.0)
        found[:, self.among] = np.where(runs, values, np.inf if is_cost else 1e-9)
        return found


def fit(
    table: DeviceTable,
    objective: str,
    rows: IntArray,
    learners: Sequence[Learner],
    effort: Effort,
) -> Fit:
    """Fit learners on training rows; devices that are never near the best are left out."""
    costs = table.costs(objective)[rows]
    among = contenders(costs)
    task = task_of(table, objective, rows, among, effort)
    return Fit(
        task=task,
        n_devices=len(table.devices),
        among=among,
        gate=fit_gate(task.views, table.features[rows], ~np.isnan(costs[:, among]), effort.seed),
        fitted={learner.name: _learn(learner, task) for learner in learners},
        costing=frozenset(learner.name for learner in learners if learner.is_cost),
    )


def _learn(learner: Learner, task: Task) -> Fitted:
    if task.costs.shape[1] == 1:  # nothing to learn: the same log cost, or certainty
        return Shares(np.array([0.0 if learner.is_cost else 1.0]))
    return learner.fit(task)
