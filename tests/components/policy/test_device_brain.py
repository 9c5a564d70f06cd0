"""A device classifier on the node: checked before it decides, and what it cannot judge it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.policy.device_brain import load_device_brain
from components.policy.device_files import DEVICE_GOLDEN, FACTS
from components.policy.errors import BundleError, PolicyError
from models.device_classifier.export import export
from models.device_classifier.table import DeviceTable
from models.device_classifier.training import train

if TYPE_CHECKING:
    from pathlib import Path

    from components.policy.device_brain import DeviceBrain

N_ROWS = 60


def table() -> DeviceTable:
    """`big` wins for large work, `small` for little; `never` is always worse."""
    rng = np.random.default_rng(0)
    work, layers = np.exp(rng.uniform(-3, 3, N_ROWS)), rng.uniform(1, 9, N_ROWS)
    costs = np.column_stack([1.0 + work, 0.2 + 3.0 * work, 20.0 + 9.0 * work])
    costs = costs * np.exp(0.01 * rng.normal(size=costs.shape))
    groups = np.arange(N_ROWS) // 3
    return DeviceTable(
        name="simulated-two",
        rows=np.arange(N_ROWS).astype(str),
        groups=groups.astype(str),
        folds=groups % 5,
        feature_names=("work", "layers"),
        features=np.column_stack([work, layers]),
        devices=("big", "small", "never"),
        kinds=("dgpu", "cpu", "cpu"),
        measured={"latency": costs},
        facts={"source": "simulated"},
    )


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return export(train(table()))


@pytest.fixture
def folder(tmp_path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def brain(folder: Path) -> DeviceBrain:
    return load_device_brain(folder)


def test_the_best_device_is_chosen_surely_where_it_is_clear(brain):
    forecast = brain.forecast("latency", np.array([[15.0, 4.0], [0.06, 4.0]]))
    large, little = forecast.advice(0), forecast.advice(1)
    assert (large.device, little.device) == ("big", "small")
    assert large.is_sure
    assert large.to_measure == ()
    assert np.exp(forecast.log_cost[0]) == pytest.approx([16.0, 45.2, 155.0], rel=0.1)
    assert forecast.p.sum(axis=1) == pytest.approx([1.0, 1.0])


def test_where_two_are_equal_both_are_to_be_measured(brain):
    advice = brain.forecast("latency", np.array([[0.4, 4.0]])).advice(0)
    assert not advice.is_sure
    assert set(advice.to_measure) == {"big", "small"}


def test_far_from_all_that_was_learned_everything_is_to_be_measured(brain):
    row = np.array([4000.0, 4.0])
    advice = brain.forecast("latency", row[None, :]).advice(0)
    assert advice.is_strange
    assert not advice.is_sure
    assert set(advice.to_measure) == {"big", "small", "never"}
    assert brain.unlike(row)[0].startswith("work is 4000; seen were ")
    assert len(brain.unlike(row)) == 1


def test_what_was_measured_shifts_the_choice(brain):
    row = np.array([[15.0, 4.0]])
    slow = brain.forecast("latency", row, np.array([[np.log(9.0), 0.0, 0.0]]))
    assert slow.advice(0).device == "small"
    plain = brain.forecast("latency", row)
    assert slow.log_cost[0, 0] - plain.log_cost[0, 0] == pytest.approx(np.log(9.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_refused(brain, value):
    with pytest.raises(PolicyError, match="not finite"):
        brain.forecast("latency", np.array([[value, 4.0]]))
    with pytest.raises(PolicyError, match="not finite"):
        brain.forecast("latency", np.ones((1, 2)), np.full((1, 3), value))


def test_another_number_of_features_or_another_objective_is_refused(brain):
    with pytest.raises(PolicyError, match="shape"):
        brain.forecast("latency", np.ones((1, 3)))
    with pytest.raises(PolicyError, match="trained for"):
        brain.forecast("energy", np.ones((1, 2)))


def test_one_row_is_answered_as_among_others_and_the_answer_stays(brain):
    rows = np.array([[15.0, 4.0], [0.06, 4.0]])
    first = brain.forecast("latency", rows[:1])
    brain.forecast("latency", rows[1:])
    assert first.loss[0] == pytest.approx(brain.forecast("latency", rows).loss[0])


@pytest.mark.parametrize("name", [FACTS, DEVICE_GOLDEN, "latency.onnx"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_device_brain(folder)


def test_a_flipped_weight_is_noticed_by_the_golden_outputs(folder):
    path = folder / "latency.onnx"
    data = bytearray(path.read_bytes())
    at = data.rfind(np.float64(3.0).tobytes())  # the most that a cost counts, over the least
    assert at > 0
    data[at + 6] ^= 0x10
    path.write_bytes(bytes(data))
    with pytest.raises(BundleError, match="other values"):
        load_device_brain(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"devices": {}},
        {"schema_version": 2},
        {"features": [{"name": "x"}]},
        {"sure_from": {"latency": 2.0}},
        {"deciders": {"energy": "x"}},
        {"unknown": 1},
    ],
)
def test_facts_that_do_not_hold_together_are_refused(folder, change):
    facts = json.loads((folder / FACTS).read_text())
    (folder / FACTS).write_text(json.dumps(facts | change))
    with pytest.raises(BundleError, match=r"classifier\.json"):
        load_device_brain(folder)
