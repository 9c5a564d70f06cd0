"""A schedule really creates runs; with a wrong version of SQLAlchemy it silently would not."""

import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from components.settings.settings import Settings
from flows.environment import service_environment
from flows.services import Service, Services, answers, free_port
from flows.stack import schedules, servers

EVERY_10_S = (
    "from datetime import timedelta\nfrom prefect import serve\n"
    "from flows.serve import deployments\n"
    "serve(*deployments(timedelta(seconds=10)), pause_on_shutdown=False)"
)


def ask(settings: Settings, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        settings.prefect_api_url + path,
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


@pytest.mark.slow
def test_the_schedule_creates_a_run_and_it_completes(tmp_path: Path) -> None:
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
        deadline = time.monotonic() + 120
        while not finished:
            runs = ask(settings, "/flow_runs/filter", {"sort": "START_TIME_ASC"})
            finished = [run for run in runs if run["state_type"] in {"COMPLETED", "FAILED"}]
            assert time.monotonic() < deadline, runs
            time.sleep(0.5)
        assert finished[0]["auto_scheduled"] is True
        assert finished[0]["state_name"] == "Checked"
