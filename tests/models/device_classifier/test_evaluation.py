"""Any table gets its choices, by the other folds only, and they beat the baselines."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.table import write_device_table
from models.device_classifier.evaluation import Evaluation, evaluate
from models.device_classifier.table_file import read_table

SHAPES = st.fixed_dictionaries(
    {
        "n_rows": st.integers(20, 40),
        "n_devices": st.integers(1, 5),
        "n_features": st.integers(1, 4),
        "missing": st.sampled_from([0.0, 0.3]),
    }
)


def choices(evaluation: Evaluation) -> list[tuple[str, str, str, float]]:
    return [(p.row, p.objective, p.device, p.p) for p in evaluation.predictions]


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 1000), shape=SHAPES)
def test_every_row_of_any_table_gets_a_device_and_a_probability(
    write_table: Any, random_rows: Any, seed: int, shape: dict[str, Any]
) -> None:
    rows, facts = random_rows(seed, **shape)
    facts["objectives"] = facts["objectives"][:1]
    table = read_table(write_table(rows, **facts))
    found = evaluate(table).predictions
    assert [p.row for p in found] == [row["row"] for row in rows]
    assert {p.device for p in found} <= set(table.devices)
    assert all(0 < p.p <= 1 for p in found)


def test_what_a_fold_measured_does_not_change_its_own_choices(
    write_table: Any, random_rows: Any
) -> None:
    rows, facts = random_rows(3, n_rows=30, n_devices=3, n_features=2, missing=0.0)
    facts["objectives"] = ["latency"]
    honest = evaluate(read_table(write_table(rows, **facts)))
    for row in rows:
        if row["fold"] == 2:
            row["latency_ms__d0"], row["latency_ms__d2"] = 900.0, 0.001
    changed = evaluate(read_table(write_table(rows, **facts)))
    in_fold = {row["row"] for row in rows if row["fold"] == 2}
    before = [choice for choice in choices(honest) if choice[0] in in_fold]
    assert before == [choice for choice in choices(changed) if choice[0] in in_fold]
    assert choices(honest) != choices(changed)
    assert choices(evaluate(read_table(write_table(rows, **facts)))) == choices(changed)


def test_each_objective_has_its_own_best_device(write_table: Any, random_rows: Any) -> None:
    rows, facts = random_rows(4, n_rows=50, n_devices=3, n_features=2, missing=0.0)
    for i, row in enumerate(rows):
        for d in range(3):
            row[f"latency_ms__d{d}"] = (1 + (d != 0)) * (1 + 0.01 * i)
            row[f"throughput_per_s__d{d}"] = (1 + (d == 2)) * (5 + 0.01 * i)
    found = evaluate(read_table(write_table(rows, **facts))).predictions
    assert {p.device for p in found if p.objective == "latency"} == {"d0"}
    assert {p.device for p in found if p.objective == "throughput"} == {"d2"}


def test_a_device_that_does_not_run_there_is_not_chosen_there(
    write_table: Any, random_rows: Any
) -> None:
    rows, facts = random_rows(5, n_rows=60, n_devices=3, n_features=3, missing=0.0)
    facts["objectives"] = ["latency"]
    for row in rows:
        row["latency_ms__d0"] = 0.01 if float(str(row["x1"])) < 1.0 else ""  # out of memory
        row["latency_ms__d1"] = ""  # never measured at all
    table = read_table(write_table(rows, **facts))
    evaluation = evaluate(table)
    report = evaluation.reports[0]
    assert "d1" not in {p.device for p in evaluation.predictions}
    assert report.scores["ours"].accuracy > 0.9


@pytest.mark.timeout(300)
def test_learning_beats_every_baseline_on_networks_never_seen(tmp_path: Path) -> None:
    path = write_device_table(RooflineHost(7), tmp_path, seed=7, n_rows=200)
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(facts | {"objectives": ["latency"]}))
    table = read_table(path)
    evaluation = evaluate(table)
    scores = evaluation.reports[0].scores
    ours = scores["ours"]
    others = [scores[name] for name in ("forest", "logistic regression", "best static device")]
    assert ours.mean_regret < min(other.mean_regret for other in others) / 2
    assert ours.accuracy > max(other.accuracy for other in others)
    assert ours.calibration_error is not None
    assert ours.calibration_error < 0.06  # 200 rows: the error itself is uncertain by 0.02
    assert scores["oracle"].mean_regret == 0.0
    assert scores["oracle"].accuracy == 1.0
