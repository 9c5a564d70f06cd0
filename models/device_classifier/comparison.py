"""Candidates compared inside training folds: what each predicts for rows it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.candidates import candidates
from models.device_classifier.errors import DeviceTableError
from models.device_classifier.fitting import Effort, Fit, fit
from models.device_classifier.inner_split import inner_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.device_classifier.table import DeviceTable, FloatArray, IntArray, TextArray

N_INNER_TREES = 30
MOST_LEARNED = 2000  # rows, when candidates are compared
MOST_JUDGED = 1000  # rows of one part
FEWEST_ROWS = 4  # measured outside of a fold, to learn anything


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What every candidate predicted for rows it did not learn from.

    Attributes:
        predicted: by candidate, [N, D] log costs of those in `costing`, else probabilities.
        costing: names of the candidates that predict log costs.
        costs: [N, D] true ones, at least one a row.
        groups: [N] functionally equal networks share one.
    """

    predicted: Mapping[str, FloatArray]
    costing: frozenset[str]
    costs: FloatArray
    groups: TextArray


@dataclass(frozen=True, slots=True, eq=False)
class Comparer:
    """Compares candidates on one objective of a table; fits are shared by outer folds."""

    table: DeviceTable
    objective: str
    seed: int
    fits: dict[tuple[int, ...], Fit] = field(default_factory=dict)

    def measured(self, fold: int | None) -> IntArray:
        """Rows outside of a fold, or all, of which something was measured.

        Raises:
            DeviceTableError: too few to learn from.
        """
        rows = np.arange(len(self.table.rows))
        rows = self._measured(rows if fold is None else np.flatnonzero(self.table.folds != fold))
        if len(rows) < FEWEST_ROWS:
            where = "the table" if fold is None else f"the folds other than {fold}"
            raise DeviceTableError(
                f"device table: learn {self.objective} from {where}",
                f"only {len(rows)} rows are measured",
                f"give at least {FEWEST_ROWS}, or take the objective out of the sidecar",
            )
        return rows

    def compare(self, fold: int | None) -> Comparison:
        """Compare inside the training folds of one fold; None: inside the whole table."""
        learners = candidates(self.table.feature_names)
        predicted: dict[str, list[FloatArray]] = {learner.name: [] for learner in learners}
        judged: list[IntArray] = []
        for part in inner_parts(self.table, fold, self.seed):
            rows = self._some(self._measured(part.judged), MOST_JUDGED)
            learned = self._some(self._measured(part.learned), MOST_LEARNED)
            if len(rows) == 0 or len(learned) < FEWEST_ROWS // 2:
                continue
            if part.key not in self.fits:
                effort = Effort(self.seed, N_INNER_TREES)
                self.fits[part.key] = fit(self.table, self.objective, learned, learners, effort)
            judged.append(rows)
            for name, parts in predicted.items():
                parts.append(self.fits[part.key].predict(name, self.table.features[rows]))
        rows = np.concatenate(judged)
        return Comparison(
            {name: np.concatenate(parts) for name, parts in predicted.items()},
            frozenset(learner.name for learner in learners if learner.is_cost),
            self.table.costs(self.objective)[rows],
            self.table.groups[rows],
        )

    def _measured(self, rows: IntArray) -> IntArray:
        costs = self.table.measured[self.objective][rows]
        return rows[~np.isnan(costs).all(axis=1)]

    def _some(self, rows: IntArray, most: int) -> IntArray:
        if len(rows) <= most:
            return rows
        return np.sort(np.random.default_rng(self.seed).permutation(rows)[:most])
