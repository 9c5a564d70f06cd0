"""What is exported decides exactly as what was trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.policy.device_files import open_device_files
from components.policy.device_graphs import device_graph
from models import device_classifier
from models.device_classifier.absolute_cost import UNKNOWN
from models.device_classifier.comparison import Comparer, Comparison
from models.device_classifier.export import export, random_inputs
from models.device_classifier.selection import choice_of
from models.device_classifier.table import DeviceTable
from models.device_classifier.table_file import read_table
from models.device_classifier.training import TrainedClassifier, fit_objective, train

SHIPPED = Path(device_classifier.__file__).parent / "tables/simulated-roofline-0-network-200.csv"
N_INPUTS = 10_000


def differences(trained: TrainedClassifier) -> dict[str, float]:
    """The largest difference of each output over many random inputs; choices that differ."""
    _, graphs = open_device_files(export(trained))
    inputs = random_inputs(trained, N_INPUTS, seed=5)
    (objective,) = trained.objectives
    expected = trained.objectives[objective].forecast(inputs["features"], inputs["shift"])
    found = graphs[objective](inputs)
    names = device_graph(objective).output_names
    each = {name: np.abs(found[name] - getattr(expected, name)) for name in names}
    gaps = {name: float(each[name].max(initial=0.0)) for name in names}
    differ = np.argmin(found["loss"], axis=1) != np.argmin(expected.loss, axis=1)
    return gaps | {"choices": float(differ.sum())}


def test_the_exported_graph_decides_as_what_was_trained() -> None:
    table = read_table(SHIPPED)
    gaps = differences(train(replace(table, measured={"energy": table.measured["energy"]})))
    assert gaps.pop("choices") == 0
    assert max(gaps.values()) < 1e-5


@pytest.fixture(scope="module")
def hostile() -> DeviceTable:
    """Four devices, a quarter of the cells empty, a constant feature, a logarithmic one."""
    rng = np.random.default_rng(3)
    n_rows = 60
    features = np.column_stack(
        [np.full(n_rows, 7.0), rng.integers(0, 9, n_rows), np.exp(rng.normal(size=(n_rows, 2)))]
    )
    costs = np.exp(rng.normal(size=(n_rows, 4))) + features[:, 3:]
    costs[rng.random(costs.shape) < 0.25] = np.nan
    groups = np.arange(n_rows) // 3
    return DeviceTable(
        name="simulated-hostile",
        rows=np.arange(n_rows).astype(str),
        groups=groups.astype(str),
        folds=groups % 5,
        feature_names=("x0", "log2_batch", "gmac", "x3"),
        features=features,
        devices=("a", "b", "c", "d"),
        kinds=("cpu", "cpu", "igpu", "dgpu"),
        measured={"throughput": costs},
        facts={"source": "simulated"},
    )


@pytest.fixture(scope="module")
def compared(hostile: DeviceTable) -> tuple[Comparison, TrainedClassifier]:
    return Comparer(hostile, "throughput", 0).compare(None), train(hostile)


@pytest.mark.parametrize(
    "members",
    [
        {"static": 1.0},
        {"logistic, log, weighted": 0.6, "forest, ratios, weighted": 0.4},
        {
            "cost: none + trees, ratios": 0.5,
            "cost: products + kernel, log": 0.3,
            "forest, raw": 0.2,
        },
        {"cost: products + kernel, log": 0.4, "cost: none + ridge, squares": 0.6},
        {"cost: roofline + none, log": 0.5, "forest, raw": 0.5},
    ],
)
def test_every_learner_is_exported_as_it_was_trained(
    hostile: DeviceTable,
    compared: tuple[Comparison, TrainedClassifier],
    members: dict[str, float],
) -> None:
    comparison, whole = compared
    choice = choice_of(members, comparison, 0)
    learned = fit_objective(hostile, "throughput", comparison, choice, 0)
    gaps = differences(replace(whole, objectives={"throughput": learned}))
    assert gaps.pop("choices") == 0
    assert max(gaps.values()) < 1e-5


def test_a_device_measured_in_one_fold_only_has_a_cost_and_no_say_of_how_sure(
    hostile: DeviceTable,
) -> None:
    costs = hostile.measured["throughput"].copy()
    costs[hostile.folds != 0, 3] = np.nan
    costs[:, 2] = np.nan
    table = replace(hostile, measured={"throughput": costs})
    trained = train(table)
    cost = trained.objectives["throughput"].cost
    assert cost.sigma[2:].tolist() == [UNKNOWN, UNKNOWN]
    assert (cost(table.features)[:, 2] == UNKNOWN).all()
    gaps = differences(trained)
    assert gaps.pop("choices") == 0
    assert max(gaps.values()) < 1e-5
