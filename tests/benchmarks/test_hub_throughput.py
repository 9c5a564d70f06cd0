"""How fast the hub takes what nodes send, fsync included, and how fast bodies are read."""

from __future__ import annotations

import gzip
import http.client
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from components.hub.server import HubServer
from components.telemetry.events import Event, sample_attributes, sample_from_attributes
from components.telemetry.otlp_in import decode_events
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import SAMPLE_EVENT, Arm, Origin, Sample

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

N_SAMPLES = 50
N_CPUS = 128


@pytest.fixture(scope="module")
def body() -> bytes:
    """A gzipped export of samples of a node with many CPUs."""
    samples = (
        Sample(
            node="edge-01",
            node_class="amd-epyc-7502-2s64c128t-ab12cd34",
            fingerprint="f-1",
            origin=Origin.SIMULATED,
            job=f"job-{i}",
            container_id="c" * 64,
            image="resnet18:1",
            model="resnet18",
            variant="default",
            device="cpu",
            batch_size=1,
            window_start=datetime(2026, 5, 4, tzinfo=UTC) + timedelta(seconds=i),
            window_s=10.0,
            cpuset="0-23",
            n_cpus=24,
            layout="compact",
            images=1200,
            latency_mean_ms=5.5 + i / 7,
            cpu_utilization=tuple((i * cpu % 97) / 97 for cpu in range(N_CPUS)),
            target_ms=7.0,
            target_statistic="p95",
            arm=Arm.POLICY,
            mode="auto",
        )
        for i in range(N_SAMPLES)
    )
    records = (record_of(Event(SAMPLE_EVENT, sample_attributes(sample))) for sample in samples)
    return gzip.compress(request_of(records, {"host.name": "edge-01"}))


def test_posts_a_second(benchmark: BenchmarkFixture, tmp_path: Path, body: bytes) -> None:
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    with HubServer(tmp_path, "127.0.0.1", 0) as hub:
        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)

        def post() -> int:
            connection.request("POST", "/v1/logs", body, headers)
            response = connection.getresponse()
            response.read()
            return response.status

        assert benchmark.pedantic(post, rounds=50, warmup_rounds=3) == 200
        connection.close()


def test_reading_samples_out_of_a_body(benchmark: BenchmarkFixture, body: bytes) -> None:
    def read() -> int:
        events = decode_events(body, "application/x-protobuf", "gzip")
        return len([sample_from_attributes(event.attributes) for event in events])

    assert benchmark.pedantic(read, rounds=10, warmup_rounds=1) == N_SAMPLES
