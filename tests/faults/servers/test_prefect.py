"""Prefect's server, or a worker, killed while a run is under way; two runs at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.registry.mlflow_registry import Registry
from components.releases.entry import Kind
from flows.device_tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TABLE = Path("models/device_classifier/tables/simulated-roofline-0-network-200.csv")
DEVICES = "device-classifier"
TRAIN = "retrain%20devices/weekly"


@pytest.fixture
def team(stack: Any) -> Any:
    """All servers, the deployments, a worker, and a table to learn from."""
    tables = stack.settings.home / TABLES
    tables.mkdir()
    for suffix in (".csv", ".json"):
        shutil.copy(TABLE.with_suffix(suffix), tables)
    stack.start("prefect", "mlflow")
    stack.end_silent_runs_after(45)
    deployed = stack.joulepilot("deploy")
    assert deployed.returncode == 0, deployed.stderr
    stack.start_worker()
    return stack


def promoted_devices(stack: Any) -> int:
    """How often a device classifier was put in force."""
    return sum(
        entry.kind is Kind.PROMOTE and DEVICES in entry.desired.rings[-1].policies
        for entry in stack.entries()
    )


def test_a_run_outlives_prefect_and_its_version_and_release_are_there_once(
    team: Any, wait_for: Callable[..., None]
) -> None:
    run = team.begin(TRAIN, training={"rollout": "all", "why": "a test"})
    wait_for(lambda: team.state(run)[0] == "RUNNING", "the run to begin")
    team.kill("prefect")
    team.start("prefect")
    assert team.end_of(run) == "Promoted"
    assert len(Registry(team.settings.mlflow_url).versions(DEVICES)) == 1
    assert promoted_devices(team) == 1
    assert team.end_of(team.begin("check/regularly")) == "Checked"


def test_of_two_trainings_at_once_one_waits_and_nothing_is_there_twice(
    team: Any, wait_for: Callable[..., None]
) -> None:
    runs = [team.begin(TRAIN) for _ in range(2)]
    wait_for(lambda: any(team.state(run)[0] == "RUNNING" for run in runs), "one to begin")
    by_hand = team.joulepilot("device", "retrain")
    assert by_hand.returncode == 1
    assert "another process is training there" in by_hand.stderr
    both: set[tuple[str, ...]] = set()

    def ended() -> bool:
        states = tuple(team.state(run)[0] for run in runs)
        both.add(states)
        return set(states) <= {"COMPLETED", "FAILED", "CRASHED"}

    wait_for(ended, "both to end")
    assert ("RUNNING", "RUNNING") not in both
    assert [team.end_of(run) for run in runs] == ["Passed the gate"] * 2
    assert len(Registry(team.settings.mlflow_url).versions(DEVICES)) == 1


def test_a_run_whose_worker_was_killed_is_ended_and_another_worker_goes_on(
    team: Any, wait_for: Callable[..., None]
) -> None:
    order = {"nodes": ["nobody"], "why": "a test", "timeout_s": 3600}
    run = team.begin("sweep/by-hand", order=order)
    wait_for(lambda: len(team.entries()) == 2, "the sweep to be asked for")
    done = team.begin("check/regularly")
    assert team.end_of(done) == "Checked"
    team.kill("worker")
    assert team.state(run)[0] == "RUNNING"
    assert team.end_of(run) == "Crashed"
    team.start_worker()
    assert team.end_of(team.begin("check/regularly")) == "Checked"
    assert team.state(done)[1] == "Checked"
    assert len(team.entries()) == 2
