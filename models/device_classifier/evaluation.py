"""Evaluation of a table: for every fold and objective, learn on the other folds and choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from models.device_classifier.objective_run import OURS, ObjectiveRun
from models.device_classifier.scores import ChoiceScores, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.device_classifier.table import BoolArray, DeviceTable, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Prediction:
    """The device chosen for one row and objective, and how probable it is the best."""

    row: str
    objective: str
    device: str
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class ObjectiveReport:
    """One objective over all folds: ours, the baselines, each device, the oracle.

    Attributes:
        objective: `latency`, `energy` or `throughput`.
        scores: by who chose.
        learners: by fold, who decided as `ours`.
        costs: [N, D] of all rows, NaN where not measured.
        chosen: by who chose, [N] devices.
        p, is_sure: [N] of ours.
    """

    objective: str
    scores: Mapping[str, ChoiceScores]
    learners: Mapping[int, str]
    costs: FloatArray
    chosen: Mapping[str, IntArray]
    p: FloatArray
    is_sure: BoolArray


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All predictions, by objective in the order of the table's rows, and the reports."""

    table: str
    devices: tuple[str, ...]
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
    return Evaluation(table.name, table.devices, tuple(predictions), tuple(reports))


def _report(run: ObjectiveRun) -> ObjectiveReport:
    costs = run.table.costs(run.objective)
    chosen = dict(run.chosen)
    for index, device in enumerate(run.table.devices):
        chosen[f"always {device}"] = np.full(len(costs), index)
    chosen["oracle"] = np.argmin(np.where(np.isnan(costs), np.inf, costs), axis=1)
    scores = {
        name: score(costs, each, *((run.p, run.is_sure) if name == OURS else ()))
        for name, each in chosen.items()
    }
    learners = dict(run.learners)
    return ObjectiveReport(run.objective, scores, learners, costs, chosen, run.p, run.is_sure)


def _predictions(run: ObjectiveRun) -> list[Prediction]:
    return [
        Prediction(str(row), run.objective, run.table.devices[device], float(p))
        for row, device, p in zip(run.table.rows, run.chosen[OURS], run.p, strict=True)
    ]
