"""Evaluation of a table: for every fold and objective, learn on the other folds and choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from models.device_classifier.objective_run import ObjectiveRun
from models.device_classifier.scores import ChoiceScores, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.device_classifier.table import DeviceTable


@dataclass(frozen=True, slots=True)
class Prediction:
    """The device chosen for one row and objective, and how probable it is the best."""

    row: str
    objective: str
    device: str
    p: float


@dataclass(frozen=True, slots=True)
class ObjectiveReport:
    """Scores of one objective over all folds: ours, the baselines, each device, the oracle.

    Attributes:
        objective: `latency`, `energy` or `throughput`.
        scores: by who chose.
        learners: by fold, who decided as `ours`.
    """

    objective: str
    scores: Mapping[str, ChoiceScores]
    learners: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All predictions, by objective in the order of the table's rows, and the reports."""

    table: str
    predictions: tuple[Prediction, ...]
    reports: tuple[ObjectiveReport, ...]


def evaluate(
    table: DeviceTable,
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _text: None,
) -> Evaluation:
    """Choose for every row by what was learned from the other folds only.

    Raises:
        DeviceTableError: too few measured rows to learn an objective from.
    """
    folds = sorted(set(table.folds.tolist()))
    total = len(folds) * len(table.objectives)
    reports: list[ObjectiveReport] = []
    predictions: list[Prediction] = []
    for objective in table.objectives:
        run = ObjectiveRun.of(table, objective, seed)
        for fold in folds:
            done = len(reports) * len(folds) + len(run.learners)
            progress(done, total, f"{objective}, fold {fold}")
            with threadpool_limits(1):  # the matrices are small: threads would only wait
                run.fold(fold)
        reports.append(_report(run))
        predictions += _predictions(run)
    return Evaluation(table.name, tuple(predictions), tuple(reports))


def _report(run: ObjectiveRun) -> ObjectiveReport:
    costs = run.table.costs(run.objective)
    scores = {
        name: score(costs, chosen, run.p if name == "ours" else None)
        for name, chosen in run.chosen.items()
    }
    for index, device in enumerate(run.table.devices):
        scores[f"always {device}"] = score(costs, np.full(len(costs), index))
    oracle = np.argmin(np.where(np.isnan(costs), np.inf, costs), axis=1)
    scores["oracle"] = score(costs, oracle)
    return ObjectiveReport(run.objective, scores, dict(run.learners))


def _predictions(run: ObjectiveRun) -> list[Prediction]:
    return [
        Prediction(str(row), run.objective, run.table.devices[device], float(p))
        for row, device, p in zip(run.table.rows, run.chosen["ours"], run.p, strict=True)
    ]
