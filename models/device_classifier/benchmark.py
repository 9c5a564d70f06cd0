"""Choices on tables of made-up hosts, over seeds, beside every baseline."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.stepped_host import SteppedHost
from components.madeup.devices.table import write_device_table
from models.device_classifier.evaluation import evaluate
from models.device_classifier.table_file import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from components.madeup.devices.host import DeviceHost
    from models.device_classifier.evaluation import Evaluation, ObjectiveReport
    from models.device_classifier.table import BoolArray, DeviceTable, FloatArray

HOSTS: Mapping[str, Callable[[int], DeviceHost]] = {
    "roofline": RooflineHost,
    "stepped": SteppedHost,
}


@dataclass(frozen=True, slots=True, order=True)
class BenchmarkCase:
    """One made-up table: its host, how its rows are dealt over folds, and how many there are."""

    host: str
    split: str
    n_rows: int
    seed: int

    @property
    def question(self) -> str:
        """What seeds have in common."""
        return f"{self.host} {self.split} {self.n_rows}"


def case_table(case: BenchmarkCase) -> DeviceTable:
    """Measure made-up networks on the made-up host."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_device_table(
            HOSTS[case.host](case.seed),
            Path(folder),
            seed=case.seed,
            n_rows=case.n_rows,
            split=case.split,
        )
        return read_table(path)


def run_cases(
    cases: Sequence[BenchmarkCase],
    progress: Callable[[int, int, str], None] = lambda _done, _total, _text: None,
) -> dict[BenchmarkCase, Evaluation]:
    """Evaluate every table by its own folds."""
    found: dict[BenchmarkCase, Evaluation] = {}
    for done, case in enumerate(cases):
        progress(done, len(cases), f"{case.question}, seed {case.seed}")
        found[case] = evaluate(case_table(case))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How one way to choose did: means over tables and objectives.

    Attributes:
        accuracy, accuracy_within_5_percent, mean_regret, summed_regret: see `ChoiceScores`.
        calibration_error, answered, sure_accuracy: None for who states no probability.
    """

    accuracy: float
    accuracy_within_5_percent: float
    mean_regret: float
    summed_regret: float
    calibration_error: float | None
    answered: float | None
    sure_accuracy: float | None


def standing(reports: Sequence[ObjectiveReport], name: str) -> Standing:
    """Pool the reports of several tables for one who chose."""
    scores = [report.scores[name] for report in reports]
    errors = [each.calibration_error for each in scores if each.calibration_error is not None]
    answered = [each.answered for each in scores if each.answered is not None]
    right = np.concatenate([_right_where_sure(report) for report in reports])
    return Standing(
        accuracy=float(np.mean([each.accuracy for each in scores])),
        accuracy_within_5_percent=float(
            np.mean([each.accuracy_within_5_percent for each in scores])
        ),
        mean_regret=float(np.mean([each.mean_regret for each in scores])),
        summed_regret=float(np.mean([each.summed_regret for each in scores])),
        calibration_error=float(np.mean(errors)) if errors else None,
        answered=float(np.mean(answered)) if answered else None,
        sure_accuracy=float(np.mean(right)) if answered and len(right) else None,
    )


def _right_where_sure(report: ObjectiveReport) -> BoolArray:
    rows = np.flatnonzero(report.is_sure & ~np.isnan(report.costs).all(axis=1))
    return np.asarray(report.chosen["ours"][rows] == report.chosen["oracle"][rows])


@dataclass(frozen=True, slots=True)
class EnergySaved:
    """What choosing saves.

    Attributes:
        workload_mean: 1 - geometric mean over the workloads of the energy of our choice over
            that of the single device for which this is least.
        oracle_mean: the same of the oracle: nobody can save more.
        above_oracle: total joules over those of the oracle, minus 1.
    """

    workload_mean: float
    oracle_mean: float
    above_oracle: float


def energy_saved(reports: Sequence[ObjectiveReport]) -> EnergySaved:
    """Means over the tables; reports of energy, every cell measured."""
    ours, best, above = [], [], []
    for report in reports:
        costs, least = report.costs, report.costs.min(axis=1)
        taken = costs[np.arange(len(costs)), report.chosen["ours"]]
        ours.append(_saved(taken, costs))
        best.append(_saved(least, costs))
        above.append(float(taken.sum() / least.sum()) - 1.0)
    return EnergySaved(float(np.mean(ours)), float(np.mean(best)), float(np.mean(above)))


def _saved(taken: FloatArray, costs: FloatArray) -> float:
    """Against the device whose geometric mean over the rows is the least."""
    return 1.0 - float(np.exp(np.log(taken[:, None] / costs).mean(axis=0)).max())
