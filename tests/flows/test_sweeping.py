"""Asking for a sweep through the log and waiting for what real heartbeats at a real hub say."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.hub.server import HubServer
from components.policy.default_bundle import default_bundle
from components.releases.log import ReleaseLog
from components.releases.operations import seed
from components.settings.settings import Settings
from components.telemetry.heartbeat import Heartbeat, SweepStatus
from components.telemetry.otlp_out import EventPublisher
from components.telemetry.sample import Origin
from flows.errors import SweepFailedError
from flows.services import free_port
from flows.sweeping import SweepOrder, sweep_nodes

BEAT = Heartbeat(
    node="n1",
    node_class="made-up-1s2c2t",
    fingerprint="f",
    origin=Origin.SIMULATED,
    time=datetime(2024, 5, 1, tzinfo=UTC),
    release=1,
    policy_digest=None,
    mode="auto",
    paused=False,
)


class Fleet:
    """Nodes that answer a request for a sweep the way they are told to."""

    def __init__(self, settings: Settings, tmp_path: Path) -> None:
        self._log = ReleaseLog(settings.home / "releases")
        self._publishers = {
            node: EventPublisher(
                settings.hub_url, buffer=tmp_path / f"buffer-{node}", resource={}, batch_s=0.05
            )
            for node in ("n1", "n2")
        }
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def answer(self, **states: str) -> None:
        self._thread = threading.Thread(target=self._run, args=(states,))
        self._thread.start()

    def _run(self, states: dict[str, str]) -> None:
        while not self._ended.wait(0.1):
            latest = self._log.latest()
            if latest is not None and latest.sweep is not None:
                for node, state in states.items():
                    sweep = SweepStatus(
                        sequence=latest.sequence, done=4, total=4, state=state, reason="no power"
                    )
                    self._publishers[node].heartbeat(replace(BEAT, node=node, sweep=sweep))

    def close(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        for publisher in self._publishers.values():
            publisher.close()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(home=tmp_path / "home", hub_port=free_port())
    seed(settings.home, default_bundle())
    with HubServer(settings.home, settings.hub_host, settings.hub_port):
        yield settings


@pytest.fixture
def fleet(settings: Settings, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(settings, tmp_path)
    yield fleet
    fleet.close()


def order(*nodes: str, timeout_s: float = 20.0) -> SweepOrder:
    return SweepOrder(nodes=nodes, n_windows=2, n_points=4, timeout_s=timeout_s)


def test_a_sweep_ends_when_every_node_says_it_is_done(settings: Settings, fleet: Fleet) -> None:
    fleet.answer(n1="done", n2="done")
    result = sweep_nodes(settings, order("n1", "n2"), who="ann", why="because")
    assert result.points == {"n1": 4, "n2": 4}
    assert result.sequence == 2


def test_a_node_that_fails_ends_the_wait_with_its_reason(settings: Settings, fleet: Fleet) -> None:
    fleet.answer(n1="done", n2="failed")
    with pytest.raises(SweepFailedError, match="no power"):
        sweep_nodes(settings, order("n1", "n2"), who="ann", why="because")


def test_a_silent_node_is_named_when_time_is_up(settings: Settings, fleet: Fleet) -> None:
    fleet.answer(n1="done")
    with pytest.raises(SweepFailedError, match="n2: silent"):
        sweep_nodes(settings, order("n1", "n2", timeout_s=1.0), who="ann", why="because")


def test_a_hub_that_is_away_is_waited_for_and_then_told(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", hub_port=free_port())
    seed(settings.home, default_bundle())
    start = time.monotonic()
    with pytest.raises(SweepFailedError, match="n1: silent"):
        sweep_nodes(settings, order("n1", timeout_s=0.5), who="ann", why="because")
    assert time.monotonic() - start >= 0.5
