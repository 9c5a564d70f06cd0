"""Prefect, MLflow, hub and a worker as real processes, to be killed by their ids."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from components.policy.default_bundle import default_bundle
from components.releases.log import ReleaseLog
from components.releases.operations import seed
from components.releases.source import RELEASES
from components.settings.settings import Settings
from flows.environment import service_environment
from flows.services import Services, free_port
from flows.silent_runs import end_silent_runs
from flows.stack import servers, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from components.releases.entry import Release

PATIENCE_S = 300.0


class Stack:
    """The servers of a home, started, killed and asked one by one."""

    def __init__(self, home: Path, logs: Path) -> None:
        self.settings = Settings(
            home=home, hub_port=free_port(), prefect_port=free_port(), mlflow_port=free_port()
        )
        self.services = Services(logs)
        seed(home, default_bundle())

    def start(self, *names: str) -> None:
        self.services.start_all([s for s in servers(self.settings) if s.name in names])

    def start_worker(self) -> None:
        made = worker(self.settings, "joulepilot")
        often = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
        self.services.start(replace(made, environment={**made.environment, **often}))

    def kill(self, name: str) -> None:
        """At once, with all that it started."""
        process = psutil.Process(self.services.pid_of(name))
        for each in (*process.children(recursive=True), process):
            each.send_signal(signal.SIGKILL)
        self.services.stop(name)

    def joulepilot(self, *words: str) -> subprocess.CompletedProcess[str]:
        ports = [
            f"--{name}-port={getattr(self.settings, f'{name}_port')}"
            for name in ("hub", "mlflow", "prefect")
        ]
        argv = [sys.executable, "-m", "flows.cli.main", *words]
        return subprocess.run(
            [*argv, "--home", str(self.settings.home), *ports],
            env=os.environ | service_environment(self.settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self.settings.prefect_api_url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                error.close()
                # it was busy: SQLite locked or full, or what was asked for just being written
                is_busy = error.code == http.client.CONFLICT or error.code >= 500
                if not is_busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def end_silent_runs_after(self, seconds: float) -> None:
        """Sooner than `joulepilot deploy` would have it; it leaves a rule that is there."""
        with (
            temporary_settings({PREFECT_API_URL: self.settings.prefect_api_url}),
            get_client(sync_client=True) as client,
        ):
            end_silent_runs(client, after=timedelta(seconds=seconds))

    def begun(self) -> list[str]:
        """States of all runs that began."""
        runs = self.ask("/flow_runs/filter", {"limit": 200})
        return [run["state_type"] for run in runs if run["start_time"] is not None]

    def begin(self, deployment: str, **parameters: Any) -> str:
        found = self.ask(f"/deployments/name/{deployment}")["id"]
        run = self.ask(f"/deployments/{found}/create_flow_run", {"parameters": parameters})
        return str(run["id"])

    def state(self, run: str) -> tuple[str, str]:
        state = self.ask(f"/flow_runs/{run}")["state"]
        return state["type"], state["name"]

    def end_of(self, run: str) -> str:
        """The name of the state a run ends in."""
        ended = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        wait_for(lambda: self.state(run)[0] in ended, f"the end of {run}")
        return self.state(run)[1]

    def entries(self) -> tuple[Release, ...]:
        return ReleaseLog(self.settings.home / RELEASES).entries()


def wait_for(what: Callable[[], bool], text: str, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, f"waited in vain for {text}"
        time.sleep(0.3)


@pytest.fixture(name="wait_for")
def wait_for_fixture() -> Callable[..., None]:
    return wait_for


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[[Path], Stack]]:
    with ExitStack() as ended:

        def make(home: Path) -> Stack:
            stack = Stack(home, tmp_path / "logs")
            ended.enter_context(stack.services)
            return stack

        yield make


@pytest.fixture
def stack(tmp_path: Path, make_stack: Callable[[Path], Stack]) -> Stack:
    return make_stack(tmp_path / "home")
