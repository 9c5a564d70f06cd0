"""A device classifier trained on all rows of a table, to be exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from models.device_classifier.absolute_cost import fit_absolute
from models.device_classifier.candidates import candidates
from models.device_classifier.comparison import Comparer
from models.device_classifier.decider import fitted_decider
from models.device_classifier.fitting import Effort, fit
from models.device_classifier.region import fit_region
from models.device_classifier.selection import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.device_classifier.absolute_cost import AbsoluteCost
    from models.device_classifier.comparison import Comparison
    from models.device_classifier.decider import Decider
    from models.device_classifier.region import Region
    from models.device_classifier.selection import Choice
    from models.device_classifier.table import DeviceTable, FloatArray

    Progress = Callable[[int, int, str], None]

MOST_LEAVES = 6_000  # of one forest, all trees and outputs together: a quarter of a megabyte
FEWEST_LEAVES = 16
N_EXPORTED_TREES = 30  # of one forest: a node has little memory, and little time to decide


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What is predicted of N rows; the same as the graphs give.

    Attributes:
        log_cost, sigma, p, loss: [N, D].
        strangeness: [N].
    """

    log_cost: FloatArray
    sigma: FloatArray
    p: FloatArray
    loss: FloatArray
    strangeness: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class TrainedObjective:
    """What was learned for one objective.

    Attributes:
        decider: gives the chances and expected losses.
        cost: gives what each device costs.
        region: where it was learned.
        sure_from: the probability from which a choice is sure.
        name: of who decides.
    """

    decider: Decider
    cost: AbsoluteCost
    region: Region
    sure_from: float
    name: str

    def forecast(self, features: FloatArray, shift: FloatArray) -> Forecast:
        """Predict rows [N, F]; shift [N, D] is added to log costs."""
        outlook = self.decider.outlook(features, shift)
        strangeness = self.region.strangeness(features)
        widened = np.maximum(strangeness, 1.0)[:, None]
        return Forecast(
            log_cost=self.cost(features) + shift,
            sigma=self.cost.sigma * widened,
            p=outlook.p,
            loss=outlook.loss,
            strangeness=strangeness,
        )


@dataclass(frozen=True, slots=True, eq=False)
class TrainedClassifier:
    """A device classifier for the devices and features of one table.

    Attributes:
        devices: name → kind.
        feature_names: F names; `low` and `high` [F] as seen in training.
        objectives: what was learned, by objective.
        source: `recorded` or `simulated`, as the table's sidecar says.
        n_rows: of the table.
    """

    devices: Mapping[str, str]
    feature_names: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    objectives: Mapping[str, TrainedObjective]
    source: str
    n_rows: int


def train(
    table: DeviceTable,
    *,
    seed: int = 0,
    progress: Progress = lambda _done, _total, _text: None,
) -> TrainedClassifier:
    """Choose candidates inside the table by its folds, then fit them on all rows.

    Raises:
        DeviceTableError: too few measured rows to learn an objective from.
    """
    learned: dict[str, TrainedObjective] = {}
    for done, objective in enumerate(table.objectives):
        progress(done, len(table.objectives), objective)
        with threadpool_limits(1):  # the matrices are small: threads would only wait
            learned[objective] = _train(table, objective, seed)
    return TrainedClassifier(
        devices=dict(zip(table.devices, table.kinds, strict=True)),
        feature_names=table.feature_names,
        low=np.nan_to_num(np.nanmin(table.features, axis=0)),
        high=np.nan_to_num(np.nanmax(table.features, axis=0)),
        objectives=learned,
        source=str(table.facts.get("source", "recorded")),
        n_rows=len(table.rows),
    )


def _train(table: DeviceTable, objective: str, seed: int) -> TrainedObjective:
    comparison = Comparer(table, objective, seed).compare(None)
    return fit_objective(table, objective, comparison, choose(comparison, seed), seed)


def fit_objective(
    table: DeviceTable, objective: str, comparison: Comparison, choice: Choice, seed: int
) -> TrainedObjective:
    """Fit who was chosen on all rows, small enough to be exported.

    Raises:
        DeviceTableError: too few measured rows to learn from.
    """
    rows = Comparer(table, objective, seed).measured(None)
    known = {learner.name: learner for learner in candidates(table.feature_names)}
    most_leaves = MOST_LEAVES // N_EXPORTED_TREES // len(table.devices)
    effort = Effort(seed, N_EXPORTED_TREES, max(most_leaves, FEWEST_LEAVES))
    fitted = fit(table, objective, rows, [known[name] for name in choice.members], effort)
    return TrainedObjective(
        decider=fitted_decider(choice, fitted),
        cost=fit_absolute(table, objective, comparison, effort, fitted),
        region=fit_region(fitted.task.views, table.features[rows], table.groups[rows], seed),
        sure_from=choice.sure_from,
        name=choice.name,
    )
