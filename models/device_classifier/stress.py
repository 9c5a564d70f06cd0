"""How often, and by how much, our choices are worse than the best baseline on any table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.evaluation import evaluate
from models.device_classifier.random_tables import random_table
from models.device_classifier.scores import regrets_of
from models.device_classifier.selection import standard_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.device_classifier.evaluation import ObjectiveReport
    from models.device_classifier.table import DeviceTable, FloatArray, TextArray

BASELINES = ("forest", "logistic regression", "best static device")
MOST_REGRET = 5.0  # one row of a table must not decide
BEYOND_NOISE = 2.0  # standard errors


@dataclass(frozen=True, slots=True)
class StressResult:
    """One random table.

    Attributes:
        kind: of what its costs depend on.
        n_rows: of the table.
        ours, best: mean regret of ours, and of the baseline that turned out best on this table.
        baseline: which one that is.
        error: standard error of the difference, row by row, groups going together.
    """

    kind: str
    n_rows: int
    ours: float
    best: float
    baseline: str
    error: float

    @property
    def excess(self) -> float:
        """Our regret above that of the best baseline; below 0: we are better."""
        return self.ours - self.best

    @property
    def is_worse_beyond_noise(self) -> bool:
        """Whether we are worse by more than two standard errors."""
        return self.excess > BEYOND_NOISE * self.error


def stress(
    seeds: Sequence[int],
    progress: Callable[[int, int, str], None] = lambda _done, _total, _text: None,
) -> list[StressResult]:
    """Evaluate a random table of each seed by its own folds."""
    found: list[StressResult] = []
    for done, seed in enumerate(seeds):
        drawn = random_table(seed)
        progress(done, len(seeds), drawn.table.name)
        (report,) = evaluate(drawn.table).reports
        found.append(_judged(drawn.kind, drawn.table, report))
    return found


def pooled(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half of its 95 % interval."""
    array = np.array(values)
    return float(array.mean()), float(1.96 * array.std(ddof=1) / np.sqrt(len(array)))


def regret_gap(
    report: ObjectiveReport, baseline: str, groups: TextArray, *, most: float = np.inf
) -> tuple[float, float]:
    """Our mean regret less a baseline's, and the standard error of that; groups go together.

    Args:
        report: of all rows of a table.
        baseline: one of those who chose.
        groups: [N] of the rows.
        most: a regret counts.
    """
    known = np.flatnonzero(~np.isnan(report.costs).all(axis=1))
    costs = report.costs[known]
    ours, other = (
        np.minimum(regrets_of(costs, report.chosen[name][known]), most)
        for name in ("ours", baseline)
    )
    return float(np.mean(ours - other)), standard_error(ours - other, groups[known])


def whole_regrets(report: ObjectiveReport) -> tuple[int, dict[str, float]]:
    """How many rows have no empty cell, and the mean regret on these by who chose.

    A choice whose cell is empty counts as its row's worst: a device left out because others
    disturbed its measurement then costs as much as one that does not run.
    """
    whole = ~np.isnan(report.costs).any(axis=1)
    if not whole.any():
        return 0, {}
    costs = report.costs[whole]
    each = {
        name: float(regrets_of(costs, chosen[whole]).mean())
        for name, chosen in report.chosen.items()
    }
    return len(costs), each


def _judged(kind: str, table: DeviceTable, report: ObjectiveReport) -> StressResult:
    known = np.flatnonzero(~np.isnan(report.costs).all(axis=1))
    each = {name: _regrets(report, name)[known] for name in ("ours", *BASELINES)}
    baseline = min(BASELINES, key=lambda name: float(each[name].mean()))
    return StressResult(
        kind,
        len(table.rows),
        float(each["ours"].mean()),
        float(each[baseline].mean()),
        baseline,
        regret_gap(report, baseline, table.groups, most=MOST_REGRET)[1],
    )


def _regrets(report: ObjectiveReport, name: str) -> FloatArray:
    measured = ~np.isnan(report.costs).all(axis=1)
    regrets = np.zeros(len(report.costs))
    regrets[measured] = regrets_of(report.costs[measured], report.chosen[name][measured])
    return np.minimum(regrets, MOST_REGRET)
