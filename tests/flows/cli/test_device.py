"""`joulepilot device evaluate` as people type it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.madeup.devices.stepped_host import SteppedHost
from components.madeup.devices.table import write_device_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = write_device_table(SteppedHost(0), tmp_path, seed=0, n_rows=50)
    header, first, *rest = path.read_text().splitlines()
    cells = dict(zip(header.split(","), first.split(","), strict=True)) | {"energy_j__cpu": ""}
    path.write_text("\n".join([header, ",".join(cells.values()), *rest]) + "\n")
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    halves = {"n_points": 50, "accuracy": 0.9, "within_5_percent": 0.95, "mean_regret": 0.01}
    more = {"objectives": ["energy"], "half_against_half": {"energy": halves}}
    sidecar.write_text(json.dumps(facts | more))
    return path


def device_evaluate(table: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli.main", "device", "evaluate", str(table)]
    home = ["--home", str(table.parent / "home")]
    return subprocess.run(
        [*command, "--predictions", str(out), *home, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_choices_are_written_and_scores_printed(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "choices.csv"
    result = device_evaluate(table, out)
    assert (result.returncode, result.stderr) == (0, "")
    for word in ("accuracy", "within 5 %", "mean regret", "summed regret", "ECE", "oracle"):
        assert word in result.stdout
    assert "always dgpu" in result.stdout
    assert "ours against logistic regression: " in result.stdout
    assert "the 49 rows without an empty cell: mean regret ours " in result.stdout
    assert "energy: half of the rounds against the other: 90.0% the same device" in result.stdout
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["row", "objective", "device", "p"]
    assert [row["row"] for row in rows] == [str(i) for i in range(50)]
    assert {row["objective"] for row in rows} == {"energy"}
    assert sorted(path.name for path in tmp_path.glob("*choices*")) == ["choices.csv"]


def test_json_has_the_scores_of_everyone_who_chose(table: Path, tmp_path: Path) -> None:
    result = device_evaluate(table, tmp_path / "choices.csv", "--json", "--seed", "3")
    scores = json.loads(result.stdout)["objectives"]["energy"]["scores"]
    assert {"ours", "forest", "logistic regression", "always cpu", "oracle"} <= set(scores)
    assert 0 <= scores["ours"]["calibration_error"] <= 1


def test_a_damaged_table_is_refused_and_nothing_written(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    cells = lines[20].split(",")
    cells[-1] = "nan"  # of an objective that is not even asked for
    table.write_text("\n".join([*lines[:20], ",".join(cells), *lines[21:]]) + "\n")
    result = device_evaluate(table, tmp_path / "choices.csv")
    assert result.returncode == 1
    assert "row '19'" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "choices.csv").exists()


def test_a_folder_that_is_not_there_is_said_before_anything_is_learned(
    table: Path, tmp_path: Path
) -> None:
    result = device_evaluate(table, tmp_path / "nowhere" / "choices.csv")
    assert result.returncode == 1
    assert "its folder is not there" in result.stderr
