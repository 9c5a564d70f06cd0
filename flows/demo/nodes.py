"""The demo's two nodes: this machine, and the made-up reference node, run by the same program."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from components.hub.client import nodes_of
from components.hub.errors import HubAwayError
from flows.errors import DemoError
from flows.services import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.hub.nodes import NodeState
    from components.settings.settings import Settings
    from components.telemetry.heartbeat import JobStatus

HERE = "here"
REFERENCE = "reference"
REFERENCE_JOB = "resnet"
DEVICES = "devices"
WINDOW_S = 4.0
MIN_REQUESTS = 50
CONFIRM_WINDOWS = 2
PACE = 100.0  # simulated seconds in a second of wall time
POLL_S = 0.5


class DemoNodes:
    """Starts `joulepilot-node` processes, talks to them by its commands, and watches the hub."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def service(self, node: str, host: str, *extra: str) -> Service:
        """The node's service, as a system would start it."""
        settings = self._settings
        argv = [sys.executable, "-m", "components.executor", "run"]
        argv += ["--home", str(self.home(node)), "--node", node, "--host", host]
        argv += ["--hub", settings.hub_url, "--releases", settings.hub_url]
        argv += ["--window-s", f"{WINDOW_S:g}", "--min-requests", str(MIN_REQUESTS)]
        argv += ["--confirm-windows", str(CONFIRM_WINDOWS), *extra]
        return Service(f"node-{node}", argv, lambda: self.state(node) is not None)

    def home(self, node: str) -> Path:
        """Where a node keeps its journal and state."""
        return self._settings.home / "nodes" / node

    def command(self, node: str, *words: str) -> str:
        """Run a verb of `joulepilot-node` the way an operator does.

        Raises:
            DemoError: it did not end with 0.
        """
        argv = [sys.executable, "-m", "components.executor", *words]
        result = subprocess.run(
            [*argv, "--home", str(self.home(node))], capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise DemoError(
                f"asked for joulepilot-node {' '.join(words)}",
                f"exit code {result.returncode}: {result.stderr.strip()}",
                "see the node's log",
            )
        return result.stdout.strip()

    def state(self, node: str) -> NodeState | None:
        """The last heartbeat of a node; None when none was heard."""
        try:
            states = nodes_of(self._settings)
        except HubAwayError:
            return None
        return next((state for state in states if state.heartbeat.node == node), None)

    def job(self, node: str, job: str) -> JobStatus | None:
        """What a node says of one job now."""
        state = self.state(node)
        jobs = () if state is None else state.heartbeat.jobs
        return next((status for status in jobs if status.name == job), None)

    def wait_for_job(
        self, node: str, job: str, is_so: Callable[[JobStatus], bool], *, what: str, within_s: float
    ) -> JobStatus:
        """Wait until a job is as asked.

        Raises:
            DemoError: it is not so in time; says what is so.
        """
        deadline = time.monotonic() + within_s
        while True:
            status = self.job(node, job)
            if status is not None and is_so(status):
                return status
            if time.monotonic() > deadline:
                raise DemoError(
                    f"waited {within_s:.0f} s for {what} ({job} on {node})",
                    f"what it says: {status}",
                    f"see {self._settings.home}/logs/node-{node}.log",
                )
            time.sleep(POLL_S)

    def wait_for_release(self, node: str, sequence: int, *, within_s: float) -> float:
        """Wait until a node says it follows an entry; returns the seconds it took.

        Raises:
            DemoError: it does not in time.
        """
        start = time.monotonic()
        while True:
            state = self.state(node)
            release = None if state is None else state.heartbeat.release
            if release is not None and release >= sequence:
                return time.monotonic() - start
            if time.monotonic() - start > within_s:
                raise DemoError(
                    f"waited {within_s:.0f} s for {node} to follow release {sequence}",
                    f"it says release {release}",
                    f"see {self._settings.home}/logs/node-{node}.log",
                )
            time.sleep(POLL_S)
