"""A challenger beside the shipped bundle: judged, kept, and as MLflow would name it."""

from __future__ import annotations

import shutil
import threading
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from components.hub.server import HubServer
from components.policy.default_bundle import default_bundle
from components.registry.facts import RegisteredVersion
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from components.releases.verdict import RuleResult, Verdict
from components.telemetry.events import Event, heartbeat_attributes
from components.telemetry.heartbeat import Heartbeat
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import HEARTBEAT_EVENT, Origin
from flows.verdicts import keep_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Challenger:
    """The shipped bundle under another name, so that its digest is another."""

    bundle: Path
    verdict: Verdict

    @property
    def digest(self) -> str:
        return self.verdict.digest

    @property
    def version(self) -> RegisteredVersion:
        return registered(self.digest)


def registered(digest: str, version: int = 7, policy: str = "core-allocator") -> RegisteredVersion:
    return RegisteredVersion(
        policy=policy,
        version=version,
        digest=digest,
        run_id=None,
        lake_version=0,
        evaluation_set="0" * 64,
        git_commit="unknown",
        release_sequence=None,
        aliases=(),
        created=datetime(2024, 5, 1, tzinfo=UTC),
        description="",
    )


@pytest.fixture
def make_version() -> Callable[..., RegisteredVersion]:
    """A version as MLflow would name it."""
    return registered


@pytest.fixture
def make_challenger(tmp_path: Path) -> Callable[..., Challenger]:
    """Put a bundle and the gate's verdict on it into a home."""

    def make(home: Path, *, name: str = "challenger", passed: bool = True) -> Challenger:
        folder = tmp_path / name
        shutil.copytree(default_bundle(), folder)
        manifest = folder / "bundle.json"
        manifest.write_text(manifest.read_text().replace('"allocator"', f'"{name}"'))
        digest = BundleStore(home / BUNDLES).add(folder)
        rule = RuleResult("regret", passed, "+0.5 %", "at most +0.1 %", "Found by a test.")
        verdict = Verdict.of(digest, (rule,))
        keep_verdict(home, verdict)
        return Challenger(folder, verdict)

    return make


@pytest.fixture
def noon() -> datetime:
    return datetime(2024, 5, 1, 12, tzinfo=UTC)


def post(port: int, beat: Heartbeat) -> None:
    record = record_of(Event(HEARTBEAT_EVENT, heartbeat_attributes(beat)))
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/logs",
        data=request_of([record], {}),
        headers={"content-type": "application/x-protobuf"},
    )
    urllib.request.urlopen(request, timeout=60).close()


class Alive:
    """Says the same every two seconds until it is ended."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(2.0):
            self._say()


@pytest.fixture
def hub_with_nodes(tmp_path: Path, noon: datetime) -> Iterator[Callable[..., int]]:
    """Have nodes say things to a hub, a new one or that on a port; its port."""
    with ExitStack() as stack:

        def start(
            *names: str,
            home: Path = tmp_path / "hub",
            port: int | None = None,
            is_alive: bool = False,
            **said: Any,
        ) -> int:
            if port is None:
                port = stack.enter_context(HubServer(home, "127.0.0.1", 0)).port
            for name in names:
                beat = Heartbeat(
                    node=name, node_class="c", fingerprint="f", origin=Origin.SIMULATED,
                    time=noon, release=1, policy_digest=None, mode="auto", paused=False,
                )  # fmt: skip
                say = partial(post, port, replace(beat, **said))
                say()
                if is_alive:
                    stack.callback(Alive(say).end)
            return port

        yield start
