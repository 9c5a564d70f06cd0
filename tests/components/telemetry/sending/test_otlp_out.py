"""Samples and heartbeats leave the node, and wait where the hub is away."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from components.hub.spool import Spool
from components.telemetry.errors import EndpointError, EventError
from components.telemetry.events import sample_from_attributes
from components.telemetry.otlp_in import decode_events
from components.telemetry.otlp_out import EventPublisher
from components.telemetry.sample import SAMPLE_EVENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.hub.server import HubServer
    from components.telemetry.heartbeat import Heartbeat
    from components.telemetry.sample import Sample

    Until = Callable[[Callable[[], bool]], None]


def many(sample: Sample, n: int) -> list[Sample]:
    starts = (sample.window_start + timedelta(seconds=10 * i) for i in range(n))
    return [replace(sample, window_start=start) for start in starts]


def spooled(home: Path) -> list[Sample]:
    spool = Spool(home / "spool")
    return [
        sample_from_attributes(event.attributes)
        for ref in spool.pending()
        for event in decode_events(spool.read(ref), ref.content_type, ref.content_encoding)
        if event.name == SAMPLE_EVENT
    ]


def test_samples_and_heartbeats_arrive(
    until: Until,
    tmp_path: Path,
    sample: Sample,
    heartbeat: Heartbeat,
    hub_at: Callable[[int], HubServer],
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    from components.hub.client import read_nodes

    with hub_at(0) as hub:
        publisher = publisher_to(hub.url)
        sent = many(sample, 5)
        for each in sent:
            publisher.sample(each)
        publisher.heartbeat(heartbeat)
        until(lambda: publisher.stats.n_sent == 5 and bool(read_nodes(hub.url)))
        assert read_nodes(hub.url)[0].heartbeat == heartbeat
        publisher.close()
    assert spooled(tmp_path / "home") == sent
    assert publisher.stats.n_waiting == 0
    assert publisher.stats.last_trouble is None


def test_nothing_is_lost_while_the_hub_is_away(
    until: Until,
    tmp_path: Path,
    sample: Sample,
    free_port: int,
    hub_at: Callable[[int], HubServer],
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    publisher = publisher_to(f"http://127.0.0.1:{free_port}")
    sent = many(sample, 600)
    for each in sent[:300]:
        publisher.sample(each)
    until(lambda: publisher.stats.last_trouble is not None)
    for each in sent[300:]:
        publisher.sample(each)
    until(lambda: publisher.stats.n_waiting == 600)
    with hub_at(free_port):
        until(lambda: publisher.stats.n_waiting == 0)
        publisher.close()
    assert spooled(tmp_path / "home") == sent
    assert publisher.stats.n_sent == 600
    assert publisher.stats.n_dropped == 0


def test_what_waits_outlives_the_process_that_sent_it(
    until: Until,
    tmp_path: Path,
    sample: Sample,
    free_port: int,
    hub_at: Callable[[int], HubServer],
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    first = publisher_to(url)
    first.sample(sample)
    first.close()
    later = replace(sample, job="later")
    with hub_at(free_port):
        second = publisher_to(url)
        second.sample(later)
        until(lambda: second.stats.n_sent == 2)
        second.close()
    assert spooled(tmp_path / "home") == [sample, later]


def test_a_restarted_hub_is_found_again(
    until: Until,
    tmp_path: Path,
    sample: Sample,
    free_port: int,
    hub_at: Callable[[int], HubServer],
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    publisher = publisher_to(f"http://127.0.0.1:{free_port}")
    one, two = many(sample, 2)
    with hub_at(free_port):
        publisher.sample(one)
        until(lambda: publisher.stats.n_sent == 1)
    with hub_at(free_port):
        publisher.sample(two)
        until(lambda: publisher.stats.n_sent == 2)
        publisher.close()
    assert spooled(tmp_path / "home") == [one, two]


def test_a_full_buffer_drops_the_oldest_and_counts(
    until: Until,
    tmp_path: Path,
    sample: Sample,
    free_port: int,
    hub_at: Callable[[int], HubServer],
    publisher_to: Callable[..., EventPublisher],
) -> None:
    publisher = publisher_to(f"http://127.0.0.1:{free_port}", max_buffer_bytes=3000)
    sent = many(sample, 30)
    for each in sent:
        publisher.sample(each)
        until(lambda: not publisher._queue)  # one body each
    publisher.close()
    n_dropped = publisher.stats.n_dropped
    assert 0 < n_dropped < 30
    assert sum(p.stat().st_size for p in (tmp_path / "buffer").iterdir()) <= 3000
    assert publisher.stats.n_waiting == 30 - n_dropped
    with hub_at(free_port) as hub:
        second = publisher_to(hub.url)
        until(lambda: second.stats.n_waiting == 0)
        second.close()
    assert spooled(tmp_path / "home") == sent[n_dropped:]


def test_of_heartbeats_only_the_newest_waits(
    until: Until,
    heartbeat: Heartbeat,
    free_port: int,
    hub_at: Callable[[int], HubServer],
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    from components.hub.client import read_nodes

    publisher = publisher_to(f"http://127.0.0.1:{free_port}")
    for release in range(5):
        publisher.heartbeat(replace(heartbeat, release=release))
    until(lambda: publisher.stats.last_trouble is not None)
    with hub_at(free_port) as hub:
        until(lambda: bool(read_nodes(hub.url)))
        assert read_nodes(hub.url)[0].heartbeat.release == 4
        publisher.close()


def test_the_caller_never_waits_for_a_hub_that_hangs(
    sample: Sample, heartbeat: Heartbeat, publisher_to: Callable[..., EventPublisher]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        publisher = publisher_to(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout_s=1.0)
        publisher.heartbeat(heartbeat)
        begin_s = time.monotonic()
        for each in many(sample, 200):
            publisher.sample(each)
            publisher.heartbeat(heartbeat)
        assert time.monotonic() - begin_s < 1.0
        publisher.close(0.1)
        assert publisher.stats.n_waiting == 200
        publisher._thread.join(10)
        assert not publisher._thread.is_alive()


def test_what_cannot_be_written_is_the_callers_error(
    sample: Sample, free_port: int, publisher_to: Callable[[str], EventPublisher]
) -> None:
    publisher = publisher_to(f"http://127.0.0.1:{free_port}")
    with pytest.raises(EventError):
        publisher.sample(replace(sample, images=2**63))
    assert publisher.stats.n_waiting == 0


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:1", "ftp://x", "http://", "http://x:port", "http://[::1"]
)
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(EndpointError, match="http"):
        EventPublisher(url, buffer=tmp_path, resource={})


def test_publishing_needs_no_sdk_and_little_memory() -> None:
    program = """
import sys
import components.telemetry.otlp_out, components.telemetry.prometheus
heavy = {"opentelemetry.sdk", "numpy", "requests", "pandas"} & set(sys.modules)
rss = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(heavy or "light", int(rss.split()[1]) // 1024)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    word, mib = run.stdout.split()
    assert word == "light"
    assert int(mib) < 35
