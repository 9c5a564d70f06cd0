"""All folds of one objective: candidates compared inside, the chosen one used outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.candidates import FOREST, LOGISTIC, STATIC, candidates
from models.device_classifier.comparison import Comparer
from models.device_classifier.decider import fitted_decider
from models.device_classifier.fitting import Effort, fit
from models.device_classifier.region import STRANGE, fit_region
from models.device_classifier.selection import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.device_classifier.table import BoolArray, DeviceTable, FloatArray, IntArray
    from models.device_classifier.task import Learner

N_TREES = 100
N_BIG_TREES = 60  # from MANY_ROWS on
MANY_ROWS = 2500
OURS = "ours"
BASELINES: Mapping[str, Learner] = {
    "forest": FOREST,
    "logistic regression": LOGISTIC,
    "best static device": STATIC,
}


@dataclass(slots=True, eq=False)
class ObjectiveRun:
    """Choices for every row of a table, each by what was learned from the other folds.

    Attributes:
        comparer: of the table and objective.
        chosen: by who chose, [N] devices; `p`: of ours, [N]; `is_sure`: whether ours was, [N].
        learners: by fold, who decided.
    """

    comparer: Comparer
    chosen: dict[str, IntArray]
    p: FloatArray
    is_sure: BoolArray
    learners: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, table: DeviceTable, objective: str, seed: int) -> ObjectiveRun:
        """A run before its first fold."""
        n_rows = len(table.rows)
        chosen = {name: np.zeros(n_rows, dtype=np.int64) for name in (OURS, *BASELINES)}
        comparer = Comparer(table, objective, seed)
        return cls(comparer, chosen, np.zeros(n_rows), np.zeros(n_rows, dtype=bool))

    @property
    def table(self) -> DeviceTable:
        """The table."""
        return self.comparer.table

    @property
    def objective(self) -> str:
        """The objective."""
        return self.comparer.objective

    def fold(self, fold: int) -> None:
        """Choose for the rows of one fold."""
        learned = self.comparer.measured(fold)
        choice = choose(self.comparer.compare(fold), self.comparer.seed)
        known = {learner.name: learner for learner in candidates(self.table.feature_names)}
        wanted = {name: known[name] for name in choice.members}
        wanted |= {learner.name: learner for learner in BASELINES.values()}
        n_trees = N_TREES if len(learned) < MANY_ROWS else N_BIG_TREES
        effort = Effort(self.comparer.seed, n_trees)
        outer = fit(self.table, self.objective, learned, tuple(wanted.values()), effort)
        rows = np.flatnonzero(self.table.folds == fold)
        features = self.table.features[rows]
        outlook = fitted_decider(choice, outer).outlook(features)
        self.chosen[OURS][rows], self.p[rows] = outlook.chosen, outlook.chosen_p
        region = fit_region(
            outer.task.views, self.table.features[learned], self.table.groups[learned], effort.seed
        )
        is_usual = region.strangeness(features) <= STRANGE
        self.is_sure[rows] = (outlook.chosen_p >= choice.sure_from) & is_usual
        for name, learner in BASELINES.items():
            self.chosen[name][rows] = np.argmax(outer.predict(learner.name, features), axis=1)
        self.learners[fold] = choice.name
