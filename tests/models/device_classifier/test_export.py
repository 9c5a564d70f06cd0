"""What is exported decides exactly as what was trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.policy.device_files import open_device_files
from components.policy.device_graphs import device_graph
from models import device_classifier
from models.device_classifier.comparison import Comparer
from models.device_classifier.export import export, random_inputs
from models.device_classifier.selection import choice_of
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
    gaps = {name: float(np.abs(found[name] - getattr(expected, name)).max()) for name in names}
    differ = np.argmin(found["loss"], axis=1) != np.argmin(expected.loss, axis=1)
    return gaps | {"choices": float(differ.sum())}


@pytest.mark.parametrize("objective", ["energy", "throughput"])
def test_the_exported_graph_decides_as_what_was_trained(objective: str) -> None:
    table = read_table(SHIPPED)
    gaps = differences(train(replace(table, measured={objective: table.measured[objective]})))
    assert gaps.pop("choices") == 0
    assert max(gaps.values()) < 1e-5


@pytest.mark.parametrize(
    "members",
    [
        ("static",),
        ("logistic, squares", "forest, ratios, weighted"),
        ("cost: none + trees, ratios", "cost: products + kernel, log"),
        ("cost: roofline + none, log", "forest, raw"),
    ],
)
def test_every_learner_is_exported_as_it_was_trained(
    write_table: Any, random_rows: Any, members: tuple[str, ...]
) -> None:
    rows, facts = random_rows(3, n_rows=60, n_devices=4, n_features=3, missing=0.25)
    for row in rows:
        row["log2_batch"], row["gmac"] = int(str(row["row"])[1:]) % 9, row.pop("x1")
    facts |= {"features": ["x0", "log2_batch", "gmac", "x2"], "objectives": ["throughput"]}
    table = read_table(write_table(rows, **facts))
    comparison = Comparer(table, "throughput", 0).compare(None)
    choice = choice_of(members, comparison, 0)
    learned = fit_objective(table, "throughput", comparison, choice, 0)
    whole = train(table)
    gaps = differences(replace(whole, objectives={"throughput": learned}))
    assert gaps.pop("choices") == 0
    assert max(gaps.values()) < 1e-5
