"""One learning task: features and costs of training rows, for one objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from models.device_classifier.features import FeatureViews

if TYPE_CHECKING:
    from models.device_classifier.choice_learners import FittedClassifier, Shares
    from models.device_classifier.cost_learners import FittedCost
    from models.device_classifier.fitting import Effort
    from models.device_classifier.table import DeviceTable, FloatArray, IntArray

    Fitted: TypeAlias = FittedCost | FittedClassifier | Shares

NEAR = 1.25  # ratio to the best; a device that is never so near in training is no contender
SELDOM = 1e-3  # share of rows that is as good as never


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Training rows of one objective, reduced to the devices that are contenders.

    Attributes:
        views: fitted on these rows.
        features: [N, F] raw.
        costs: [N, C] of the contenders, smaller is better; NaN where not measured.
        kinds: C kinds of the contenders.
        units: [N] rows of one number are asked for together: to judge what was learned from some
            of them, all are left out.
        is_rate: whether a cost is the time of one input, not of one batch.
        seed: of whatever a learner draws.
        n_trees: of a forest.
        most_leaves: of each tree; None: as many as it grows.
    """

    views: FeatureViews
    features: FloatArray
    costs: FloatArray
    kinds: tuple[str, ...]
    units: IntArray
    is_rate: bool
    seed: int
    n_trees: int
    most_leaves: int | None = None

    @property
    def best(self) -> IntArray:
        """The cheapest contender of each row, [N]."""
        return np.asarray(np.nanargmin(self.costs, axis=1), dtype=np.int64)


class Learner(Protocol):
    """Learns which contender is best; `is_cost`: predicts log costs, otherwise probabilities."""

    @property
    def name(self) -> str:
        """Unique among the candidates."""
        ...

    @property
    def is_cost(self) -> bool:
        """Whether what is fitted gives log costs up to a constant of the row."""
        ...

    @property
    def is_absolute(self) -> bool:
        """Whether it gives log costs as they are."""
        ...

    def fit(self, task: Task) -> Fitted:
        """Learn; the result maps raw features [M, F] to [M, C]."""
        ...


def contenders(costs: FloatArray) -> IntArray:
    """Devices that were near the best of some rows, at least one of them."""
    measured = costs[~np.isnan(costs).all(axis=1)]
    is_near = measured <= NEAR * np.nanmin(measured, axis=1, keepdims=True)
    counts = is_near.sum(axis=0)
    return np.flatnonzero(counts >= min(max(1.0, SELDOM * len(measured)), counts.max()))


def task_of(
    table: DeviceTable, objective: str, rows: IntArray, among: IntArray, effort: Effort
) -> Task:
    """The task of some training rows; rows where no contender was measured are left out."""
    costs = table.costs(objective)[np.ix_(rows, among)]
    is_measured = ~np.isnan(costs).all(axis=1)
    features = table.features[rows[is_measured]]
    return Task(
        views=FeatureViews.fitted(table.feature_names, features),
        features=features,
        costs=costs[is_measured],
        kinds=tuple(table.kinds[d] for d in among),
        units=table.units[rows[is_measured]],
        is_rate=objective == "throughput",
        seed=effort.seed,
        n_trees=effort.n_trees,
        most_leaves=effort.most_leaves,
    )


def filled_logs(costs: FloatArray) -> FloatArray:
    """Log costs, what was not measured filled with row effect plus device effect, [N, C]."""
    logs = np.log(costs)
    missing = np.isnan(logs)
    if not missing.any():
        return logs
    device = np.zeros(logs.shape[1])
    row = np.zeros(len(logs))
    for _ in range(20):
        row = np.nanmean(logs - device, axis=1)
        device = np.nanmean(logs - row[:, None], axis=0)
    return np.where(missing, row[:, None] + device, logs)
