"""The made-up node as a process of its own, with a real hub: samples out, releases in."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from components.hub.client import read_nodes
from components.hub.errors import HubAwayError
from components.hub.spool import Spool
from components.policy.bundle import bundle_digest
from components.policy.default_bundle import default_bundle
from components.releases import operations
from components.telemetry.otlp_in import decode_events
from components.telemetry.sample import SAMPLE_EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from components.telemetry.heartbeat import Heartbeat

PATIENCE_S = 60.0
NODE = (sys.executable, "-m", "components.executor")
REFERENCE = (
    "--node", "reference", "--host", "madeup:reference", "--pace", "100", "--window-s", "4",
    "--min-requests", "50", "--confirm-windows", "2",
)  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A hub's home, with release 1, and its address."""
    home = tmp_path / "hub"
    operations.seed(home, default_bundle())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "components.hub", "--home", str(home), "--port", str(port)],
            stdout=log,
            stderr=log,
        )
    try:
        yield home, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def test_a_node_follows_the_log_over_http_and_its_samples_reach_the_spool(tmp_path, hub):
    home, url = hub
    words = ["--home", str(tmp_path / "node"), "--hub", url, "--releases", url, *REFERENCE]
    with (tmp_path / "node.log").open("wb") as log:
        node = subprocess.Popen([*NODE, "run", *words], stdout=log, stderr=log)
    try:
        _wait(lambda: _beat(url, lambda b: b.release == 1 and _settled(b)), "it to settle")
        operations.pause(home, who="test", why="test", nodes=("reference",))
        asked = time.monotonic()
        _wait(lambda: _beat(url, lambda b: b.release == 2 and b.paused), "it to pause")
        took_s = time.monotonic() - asked
        operations.resume(home, who="test", why="test")
        operations.request_sweep(home, who="test", why="test", n_windows=1, n_points=5)
        _wait(lambda: _beat(url, _swept), "the sweep of entry 4")
    finally:
        node.send_signal(signal.SIGTERM)
        code = node.wait(PATIENCE_S)

    assert code == 0
    assert took_s < 15
    spool = Spool(home / "spool")
    events = [
        event
        for ref in spool.pending()
        for event in decode_events(spool.read(ref), ref.content_type, ref.content_encoding)
        if event.name == SAMPLE_EVENT
    ]
    arms = {event.attributes["arm"] for event in events}
    digests = {event.attributes.get("policy_digest") for event in events}
    assert {"original", "probe", "policy", "sweep"} <= arms
    assert digests == {bundle_digest(default_bundle())}
    last = next(iter(read_nodes(url))).heartbeat
    assert last.jobs[0].cpuset == "0-127"


def _beat(url: str, is_so: Callable[[Heartbeat], bool]) -> bool:
    try:
        return any(is_so(state.heartbeat) for state in read_nodes(url))
    except HubAwayError:
        return False


def _settled(beat: Heartbeat) -> bool:
    return bool(beat.jobs) and beat.jobs[0].state == "settled"


def _swept(beat: Heartbeat) -> bool:
    return beat.sweep is not None and (beat.sweep.sequence, beat.sweep.state) == (4, "done")


def _wait(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(0.1)
