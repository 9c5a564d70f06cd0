"""All folds of one objective: candidates compared inside, the chosen one used outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.candidates import FOREST, LOGISTIC, STATIC, candidates
from models.device_classifier.errors import DeviceTableError
from models.device_classifier.fitting import Fit, fit
from models.device_classifier.inner_split import inner_parts
from models.device_classifier.selection import Choice, choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.device_classifier.table import DeviceTable, FloatArray, IntArray
    from models.device_classifier.task import Learner

N_TREES = 100
N_BIG_TREES = 60  # from MANY_ROWS on
MANY_ROWS = 2500
N_INNER_TREES = 30
MOST_LEARNED = 2000  # rows, when candidates are compared
MOST_JUDGED = 1000  # rows of one part
FEWEST_ROWS = 8  # measured outside of a fold, to learn anything
BASELINES: Mapping[str, Learner] = {
    "forest": FOREST,
    "logistic regression": LOGISTIC,
    "best static device": STATIC,
}


@dataclass(slots=True, eq=False)
class ObjectiveRun:
    """Choices for every row of a table, each by what was learned from the other folds.

    Attributes:
        chosen: by who chose, [N] devices; `p`: of ours, [N].
        learners: by fold, who decided.
    """

    table: DeviceTable
    objective: str
    seed: int
    chosen: dict[str, IntArray]
    p: FloatArray
    learners: dict[int, str] = field(default_factory=dict)
    inner_fits: dict[tuple[int, ...], Fit] = field(default_factory=dict)

    @classmethod
    def of(cls, table: DeviceTable, objective: str, seed: int) -> ObjectiveRun:
        """A run before its first fold."""
        n_rows = len(table.rows)
        names = ("ours", *BASELINES)
        chosen = {name: np.zeros(n_rows, dtype=np.int64) for name in names}
        return cls(table, objective, seed, chosen, np.zeros(n_rows))

    def fold(self, fold: int) -> None:
        """Choose for the rows of one fold."""
        learned = self._measured(np.flatnonzero(self.table.folds != fold))
        if len(learned) < FEWEST_ROWS:
            raise DeviceTableError(
                f"device table: {self.objective} of fold {fold}",
                f"only {len(learned)} rows of the other folds are measured",
                f"give at least {FEWEST_ROWS}, or take the objective out of the sidecar",
            )
        choice = self._compared(fold)
        known = {learner.name: learner for learner in candidates(self.table.feature_names)}
        wanted = {name: known[name] for name in choice.members}
        wanted |= {learner.name: learner for learner in BASELINES.values()}
        outer = fit(
            self.table,
            self.objective,
            learned,
            tuple(wanted.values()),
            seed=self.seed,
            n_trees=N_TREES if len(learned) < MANY_ROWS else N_BIG_TREES,
        )
        rows = np.flatnonzero(self.table.folds == fold)
        features = self.table.features[rows]
        self.chosen["ours"][rows], self.p[rows] = choice.decide(outer, features, self.seed)
        for name, learner in BASELINES.items():
            self.chosen[name][rows] = np.argmax(outer.predict(learner.name, features), axis=1)
        self.learners[fold] = choice.name

    def _compared(self, fold: int) -> Choice:
        """Compare the candidates inside the training folds of one fold."""
        learners = candidates(self.table.feature_names)
        predicted: dict[str, list[FloatArray]] = {learner.name: [] for learner in learners}
        judged: list[IntArray] = []
        for part in inner_parts(self.table, fold, self.seed):
            rows = self._some(self._measured(part.judged), MOST_JUDGED)
            learned = self._some(self._measured(part.learned), MOST_LEARNED)
            if len(rows) == 0 or len(learned) < FEWEST_ROWS // 2:
                continue
            if part.key not in self.inner_fits:
                self.inner_fits[part.key] = fit(
                    self.table,
                    self.objective,
                    learned,
                    learners,
                    seed=self.seed,
                    n_trees=N_INNER_TREES,
                )
            judged.append(rows)
            for name, parts in predicted.items():
                inner = self.inner_fits[part.key]
                parts.append(inner.predict(name, self.table.features[rows]))
        return choose(
            {name: np.concatenate(parts) for name, parts in predicted.items()},
            frozenset(learner.name for learner in learners if learner.is_cost),
            self.table.costs(self.objective)[np.concatenate(judged)],
            self.seed,
        )

    def _measured(self, rows: IntArray) -> IntArray:
        costs = self.table.measured[self.objective][rows]
        return rows[~np.isnan(costs).all(axis=1)]

    def _some(self, rows: IntArray, most: int) -> IntArray:
        if len(rows) <= most:
            return rows
        return np.sort(np.random.default_rng(self.seed).permutation(rows)[:most])
