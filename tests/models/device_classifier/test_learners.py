"""Learners find what is there to be found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.device_classifier.candidates import candidates
from models.device_classifier.choice_learners import Static
from models.device_classifier.cost_learners import PhysicalCost
from models.device_classifier.features import VIEWS, FeatureViews
from models.device_classifier.residuals import fit_residuals
from models.device_classifier.roofline import is_known, roofline_factors, roofline_units
from models.device_classifier.table_file import read_table
from models.device_classifier.task import Task, contenders, filled_logs

NAMES = ("gmac_dense", "layers", "batch", "clock_share")


def roofline_task(n_rows: int = 120) -> Task:
    rng = np.random.default_rng(0)
    work, layers = 10 ** rng.uniform(-4, 0, n_rows), rng.integers(2, 50, n_rows).astype(float)
    batch, clock = 2.0 ** rng.integers(0, 12, n_rows), rng.uniform(0.2, 1.0, n_rows)
    features = np.column_stack([work, layers, batch, clock])
    costs = np.column_stack(
        [
            0.01 * layers + 3.0 * work * batch,
            0.4 + 0.03 * layers + 0.2 * work * batch + 20 * (1 - clock),
        ]
    )
    views = FeatureViews.fitted(NAMES, features)
    units = np.arange(len(costs))
    return Task(views, features, costs, ("cpu", "dgpu"), units, is_rate=False, seed=0, n_trees=20)


def test_a_roofline_is_found_again_from_few_rows() -> None:
    task = roofline_task()
    few = slice(60)
    some = replace(task, features=task.features[few], costs=task.costs[few], units=task.units[few])
    predicted = PhysicalCost("roofline", "none").fit(some)(task.features[60:])
    assert np.abs(predicted - np.log(task.costs[60:])).max() < 1e-4


@pytest.mark.parametrize("learner", candidates(NAMES), ids=lambda learner: learner.name)
def test_every_candidate_predicts_finite_values_for_every_contender(learner: object) -> None:
    task = roofline_task()
    far = task.features * 1000.0
    for features in (task.features, far, np.full((2, 4), np.nan)):
        found = learner.fit(task)(features)  # type: ignore[attr-defined]
        assert found.shape == (len(features), 2)
        assert np.isfinite(found).all()


def test_names_that_nobody_knows_have_no_roofline() -> None:
    assert is_known(NAMES)
    assert is_known(("FLOPs", "Batch Size"))
    assert not is_known(("x0", "x1", "batch"))
    assert roofline_factors(("x0",), roofline_units(("x0",), np.zeros(1)), "cpu") == ()
    assert not any("roofline" in learner.name for learner in candidates(("x0", "x1")))


def test_a_logarithm_in_the_name_is_undone() -> None:
    units = roofline_units(("log2_batch", "macs"), np.zeros(2))
    assert units.sizes(np.array([[3.0, 1.0], [0.0, 1.0]]))[:, 0] == pytest.approx([8.0, 1.0])


def test_a_constant_feature_is_left_out_and_an_unknown_one_filled_in() -> None:
    features = np.array([[1.0, 5.0, 2.0], [1.0, np.nan, 3.0], [1.0, 7.0, 400.0]])
    views = FeatureViews.fitted(("a", "b", "c"), features)
    assert views.kept == (1, 2)
    assert views.known(features)[1].tolist() == [1.0, 6.0, 3.0]
    assert all(np.isfinite(views.view(name, features)).all() for name in VIEWS)


def test_a_device_that_is_never_near_the_best_is_no_contender() -> None:
    costs = np.array([[1.0, 2.0, 9.0], [2.0, 1.0, 9.0], [1.0, np.nan, np.nan]])
    assert contenders(costs).tolist() == [0, 1]


def test_the_static_choice_is_the_one_with_the_least_mean_regret() -> None:
    task = roofline_task()
    costs = np.column_stack([np.ones(120), np.full(120, 1.1)])
    costs[0] = [100.0, 1.0]
    fitted = Static().fit(replace(task, costs=costs))
    assert set(np.argmax(fitted(task.features), axis=1).tolist()) == {1}


def test_what_was_not_measured_is_filled_by_row_and_device() -> None:
    costs = np.outer([1.0, 2.0, 4.0], [1.0, 3.0])
    costs[2, 1] = np.nan
    assert np.exp(filled_logs(costs))[2, 1] == pytest.approx(12.0)


@pytest.mark.parametrize("kind", ["ridge", "kernel"])
def test_what_networks_have_of_their_own_is_not_taken_for_a_law(kind: str) -> None:
    rng = np.random.default_rng(4)
    groups, found = np.repeat(np.arange(30), 6), {}
    features = rng.normal(size=(60, 12))
    own = rng.normal(size=(60, 1))
    x = np.repeat(features[:30], 6, axis=0) + 0.01 * rng.normal(size=(180, 12))
    y = np.repeat(own[:30], 6, axis=0) + 0.01 * rng.normal(size=(180, 1))
    for name, units in {"groups": groups, "rows": np.arange(180)}.items():
        fitted = fit_residuals(kind, x, y, units, n_trees=1, most_leaves=None, seed=0)
        found[name] = float(np.mean((fitted(features[30:]) - own[30:]) ** 2))
    assert found["groups"] < 0.8 * found["rows"]


def test_units_are_groups_unless_folds_deal_their_rows_out(write_table: Any) -> None:
    rows = [
        {"row": i, "network": f"n{i // 2}", "group": f"g{i // 2}", "fold": i // 2 % 5, "x": i + 1,
         "latency_ms__a": 1.0}
        for i in range(20)
    ]  # fmt: skip
    facts: dict[str, object] = {"devices": {"a": "cpu"}, "objectives": ["latency"]}
    assert len(set(read_table(write_table(rows, **facts)).units.tolist())) == 10
    dealt = [row | {"fold": i % 5} for i, row in enumerate(rows)]
    assert len(set(read_table(write_table(dealt, **facts)).units.tolist())) == 20
