"""A schedule really creates runs; with a wrong version of SQLAlchemy it silently would not."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.settings.settings import Settings
from flows.environment import service_environment
from flows.services import Service, Services, answers, free_port
from flows.stack import schedules, servers

EVERY_10_S = (
    "from datetime import timedelta\nfrom flows.serve import deployments, serve_all\n"
    "serve_all(deployments(timedelta(seconds=10)))"
)
NIGHTLY = "/deployments/name/pipeline/nightly"


def ask(
    settings: Settings, path: str, body: dict[str, Any] | None = None, method: str | None = None
) -> Any:
    request = urllib.request.Request(
        settings.prefect_api_url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
        method=method,
    )
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.loads(response.read() or "null")
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:  # 503: SQLite was locked
                raise
            error.close()
            time.sleep(0.5)


def edit_the_nightly_schedule(settings: Settings) -> None:
    """As a person does in the UI: another hour and time zone, and paused."""
    (schedule,) = ask(settings, NIGHTLY)["schedules"]
    path = f"/deployments/{ask(settings, NIGHTLY)['id']}/schedules/{schedule['id']}"
    edited = {"cron": "30 4 * * *", "timezone": "Europe/Berlin"}
    ask(settings, path, {"schedule": edited, "active": False}, "PATCH")


def all_runs(settings: Settings) -> list[dict[str, Any]]:
    return list(ask(settings, "/flow_runs/filter", {"sort": "START_TIME_ASC"}))


def ask_for_a_retraining(settings: Settings, cause: str) -> None:
    """In a process of its own, as the watcher does."""
    subprocess.run(
        [sys.executable, "-c", f"from flows.triggers.event import emit; emit({cause!r})"],
        env=os.environ | service_environment(settings),
        check=True,
    )


def leave_a_run_behind(settings: Settings) -> str:
    """A run that says it is running though nobody runs it, as after kill -9."""
    deployment = ask(settings, "/deployments/name/rollback/by-hand")["id"]
    path = f"/deployments/{deployment}/create_flow_run"
    run = ask(settings, path, {"parameters": {"back": {"why": "x"}}, "state": {"type": "PENDING"}})
    state = {"state": {"type": "RUNNING"}, "force": True}
    ask(settings, f"/flow_runs/{run['id']}/set_state", state)
    return str(run["id"])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_schedule_creates_a_run_and_what_a_person_edits_survives_a_restart(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path, hub_port=free_port(), prefect_port=free_port())
    prefect = next(service for service in servers(settings) if service.name == "prefect")
    runner = Service(
        "schedules",
        [sys.executable, "-c", EVERY_10_S],
        schedules(settings).is_ready,
        environment=service_environment(settings),
    )
    with Services(tmp_path / "logs") as services:
        services.start_all([prefect])
        assert answers(f"{settings.prefect_api_url}/health")()
        services.start_all([runner])
        finished: list[dict[str, Any]] = []
        deadline = time.monotonic() + 240
        while not finished:
            runs = all_runs(settings)
            finished = [run for run in runs if run["state_type"] in {"COMPLETED", "FAILED"}]
            assert time.monotonic() < deadline, runs
            time.sleep(0.5)
        assert finished[0]["auto_scheduled"] is True
        assert finished[0]["state_name"] == "Checked"
        ask_for_a_retraining(settings, "2,000 new checked samples")
        while not (retrained := [r for r in all_runs(settings) if "training" in r["parameters"]]):
            assert time.monotonic() < deadline, "no run was started by the event"
            time.sleep(0.5)
        assert retrained[0]["parameters"]["training"]["cause"] == "2,000 new checked samples"

        edit_the_nightly_schedule(settings)
        zombie = leave_a_run_behind(settings)
        services.stop("schedules")
        before = ask(settings, NIGHTLY)["updated"]
        again = replace(runner, is_ready=lambda: ask(settings, NIGHTLY)["updated"] != before)
        services.start_all([again])
        (kept,) = ask(settings, NIGHTLY)["schedules"]
        assert (kept["schedule"]["cron"], kept["schedule"]["timezone"], kept["active"]) == (
            "30 4 * * *",
            "Europe/Berlin",
            False,
        )
        assert ask(settings, f"/flow_runs/{zombie}")["state_type"] == "CRASHED"
