"""`joulepilot simulate` as people run it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flows.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """about = "two jobs"
hours = 0.05
[node]
sockets = 1
l3_per_socket = 2
cores_per_l3 = 4
threads_per_core = 2
[jobs]
n = 2
"""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return str(path)


def test_a_scenario_ends_in_a_table_a_json_and_a_figure(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    words = ("simulate", scenario, "--prove", "--report", str(report), "--home", str(tmp_path))
    assert main(words) == 0
    out = capsys.readouterr().out
    for contender in ("all CPUs to all jobs", "PARTIES-like", "oracle", "each job by itself"):
        assert contender in out
    assert "as proven" in out
    (row,) = json.loads((report / "small.json").read_text())
    assert row["seed"] == 1
    assert (report / "small-1.png").read_bytes().startswith(b"\x89PNG")


def test_json_has_a_row_a_seed(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("simulate", scenario, "--seed", "1", "2", "--without-per-job", "--json")
    assert main((*words, "--home", str(tmp_path))) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["seed"] for row in rows] == [1, 2]
    assert {s["contender"] for s in rows[0]["scores"]} >= {"joulepilot", "oracle"}


def test_an_unknown_scenario_is_answered_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("simulate", "nosuch", "--home", str(tmp_path))) == 1
    assert "bursty, constant, deadline-batch, diurnal" in capsys.readouterr().err
