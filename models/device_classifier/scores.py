"""How good choices are, against the best device of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.confidence import expected_calibration_error

if TYPE_CHECKING:
    from models.device_classifier.table import BoolArray, FloatArray, IntArray

CLOSE = 0.05  # a choice this little above the best is as good as it


@dataclass(frozen=True, slots=True)
class ChoiceScores:
    """Scores of one way to choose, over the rows where something was measured.

    Attributes:
        accuracy, accuracy_within_5_percent: shares of rows.
        mean_regret: mean of (cost of the choice / least cost - 1).
        summed_regret: total cost of the choices over total least cost, minus 1.
        calibration_error: expected, of `p`; None for choices that state no probability.
        n_unmeasured: choices whose cell is empty; each counts as the row's worst measured device.
        answered: share of rows whose choice is sure; None for choices that never say so.
        sure_accuracy: accuracy of those; None where there are none.
    """

    n_rows: int
    accuracy: float
    accuracy_within_5_percent: float
    mean_regret: float
    summed_regret: float
    calibration_error: float | None
    n_unmeasured: int
    answered: float | None = None
    sure_accuracy: float | None = None


def score(
    costs: FloatArray,
    chosen: IntArray,
    p: FloatArray | None = None,
    is_sure: BoolArray | None = None,
) -> ChoiceScores:
    """Score choices [N] on costs [N, D]; rows without any measurement are left out."""
    rows = np.flatnonzero(~np.isnan(costs).all(axis=1))
    regrets = regrets_of(costs[rows], chosen[rows])
    least = np.nanmin(costs[rows], axis=1)
    is_right = regrets <= 0
    sure = None if is_sure is None else is_sure[rows]
    return ChoiceScores(
        n_rows=len(rows),
        accuracy=float(np.mean(is_right)),
        accuracy_within_5_percent=float(np.mean(regrets <= CLOSE)),
        mean_regret=float(np.mean(regrets)),
        summed_regret=float(np.sum(least * (1 + regrets)) / np.sum(least) - 1.0),
        calibration_error=None if p is None else expected_calibration_error(p[rows], is_right),
        n_unmeasured=int(np.isnan(costs[rows, chosen[rows]]).sum()),
        answered=None if sure is None else float(np.mean(sure)),
        sure_accuracy=None if sure is None or not sure.any() else float(np.mean(is_right[sure])),
    )


def regrets_of(costs: FloatArray, chosen: IntArray) -> FloatArray:
    """Cost of each choice over the least of its row, minus 1; the worst one where unmeasured."""
    taken = costs[np.arange(len(costs)), chosen]
    unmeasured = np.isnan(taken)
    taken = np.where(unmeasured, np.nanmax(costs, axis=1), taken)
    regrets = taken / np.nanmin(costs, axis=1) - 1.0
    only_one = unmeasured & (regrets <= 0)
    return np.asarray(np.where(only_one, 1.0, np.maximum(regrets, 0.0)))
