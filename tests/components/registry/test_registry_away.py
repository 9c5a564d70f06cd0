from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.errors import TemporaryError
from components.registry.errors import RegistryAwayError, RegistryError, RegistryRefusedError
from components.registry.facts import TrainingFacts, summary
from components.registry.figures import (
    calibration_figure,
    confusion_figure,
    curves_figure,
    pareto_front,
    power_latency_figure,
    regret_by_target_figure,
    regret_figure,
)
from components.registry.mlflow_registry import Registry
from components.registry.server import answers, mlflow_server_command, wait_until_ready
from components.releases.scores import CaseScore, Scores

FACTS = TrainingFacts(name="t", evaluation_set="e" * 64, git_commit="c0ffee")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_server_that_is_away_is_said_so_within_seconds(nobody: str) -> None:
    registry = Registry(nobody)
    started = time.monotonic()
    with pytest.raises(RegistryAwayError, match="it does not answer; start it") as caught:
        registry.log_training(FACTS)
    assert time.monotonic() - started < 5
    assert isinstance(caught.value, RegistryError)
    assert isinstance(caught.value, TemporaryError)


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        registry = Registry(f"http://127.0.0.1:{mute.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(RegistryAwayError):
            registry.versions()
        assert time.monotonic() - started < 8


@pytest.mark.parametrize("url", ["", "sqlite:///x.db", "./mlruns", "file:///x"])
def test_only_a_server_is_a_registry(url: str) -> None:
    with pytest.raises(RegistryRefusedError, match="give its address"):
        Registry(url)


def test_mlflow_is_told_to_send_nothing_home_before_it_is_imported() -> None:
    program = (
        "import os, sys\n"
        "import components.registry.mlflow_registry as room\n"
        "assert 'mlflow' not in sys.modules and 'matplotlib' not in sys.modules\n"
        "room.Registry('http://127.0.0.1:9')\n"
        "from mlflow.telemetry.utils import is_telemetry_disabled\n"
        "assert is_telemetry_disabled()\n"
        "assert os.environ['DO_NOT_TRACK'] == 'true'\n"
    )
    bare = {k: v for k, v in os.environ.items() if k not in {"PYTEST_CURRENT_TEST", "CI"}}
    bare = {k: v for k, v in bare.items() if "TRACK" not in k and "MLFLOW" not in k}
    subprocess.run([sys.executable, "-c", program], env=bare, check=True, timeout=120)


def test_the_server_is_started_small_and_keeps_all_in_the_home(tmp_path: Path) -> None:
    argv, environment = mlflow_server_command(tmp_path, 5123)
    assert argv[argv.index("--workers") + 1] == "1"
    assert argv[argv.index("--port") + 1] == "5123"
    assert argv[argv.index("--host") + 1] == "127.0.0.1"
    database = f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert environment["MLFLOW_BACKEND_STORE_URI"] == database
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert (tmp_path / "mlflow").is_dir()


def test_waiting_for_a_server_ends_when_its_process_or_the_time_did(nobody: str) -> None:
    assert not answers(nobody)
    with pytest.raises(RegistryAwayError, match="the process ended"):
        wait_until_ready(nobody, is_alive=lambda: False)
    with pytest.raises(RegistryAwayError, match="does not answer within"):
        wait_until_ready(nobody, timeout_s=0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"params": {"a:b": 1}},
        {"curves": {"": [1.0]}},
        {"curves": {"loss": [1.0, math.nan]}},
        {"results": {"cpu_s": math.inf}},
        {"figures": [Path("/nowhere.png")]},
    ],
)
def test_facts_that_cannot_be_logged_are_refused_before_a_run_is_made(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(RegistryRefusedError, match="log the training 't'"):
        TrainingFacts(name="t", evaluation_set="e", git_commit="c", **wrong)  # type: ignore[arg-type]


def test_a_summary_takes_regret_where_the_target_is_kept() -> None:
    cases = (CaseScore("a", 0.1, False, 4, 1, 100.0), CaseScore("b", -0.5, True, 8, 3, 50.0))
    assert summary(Scores("p", "e", cases)) == {
        "n_cases": 2.0,
        "violated_share": 0.5,
        "probes_mean": 6.0,
        "unsafe_probes_mean": 2.0,
        "power_mean_w": 75.0,
        "regret_mean": 0.1,
    }
    assert summary(Scores("p", "e", ())) == {"n_cases": 0.0}


def test_figures_are_pngs_also_of_little(tmp_path: Path) -> None:
    regrets = {"challenger": [0.0, 0.01, 0.5], "champion": [0.02], "none": []}
    figures = [
        regret_figure(tmp_path / "new/regret.png", regrets),
        curves_figure(tmp_path / "loss.png", "Loss", {}),
        power_latency_figure(
            tmp_path / "surface.png",
            [5.0, 7.0, 12.0],
            [300.0, 220.0, 150.0],
            target_ms=7,
            chosen={f"policy {n}": (7.0, 220.0) for n in range(12)},
        ),
    ]
    figures += [
        regret_by_target_figure(tmp_path / "by-target.png", [5.0], {"challenger": [0.1]}),
        calibration_figure(tmp_path / "said.png", "t", {"a": ([0.0, 1.0], [False, True])}),
        confusion_figure(tmp_path / "confusion.png", ["cpu", "gpu"], [("cpu", "gpu")]),
    ]
    for figure in figures:
        assert figure.read_bytes().startswith(PNG)


def test_the_front_holds_what_no_other_beats_in_both() -> None:
    assert pareto_front([3.0, 1.0, 2.0, 2.0], [10.0, 30.0, 20.0, 25.0]) == [
        (1.0, 30.0),
        (2.0, 20.0),
        (3.0, 10.0),
    ]
    assert pareto_front([1.0, 2.0], [10.0, 10.0]) == [(1.0, 10.0)]
