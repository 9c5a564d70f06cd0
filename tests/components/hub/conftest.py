"""A hub, a body and a heartbeat."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from components.hub.server import HubServer
from components.telemetry.events import Event, heartbeat_attributes
from components.telemetry.heartbeat import Heartbeat, JobStatus
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import HEARTBEAT_EVENT, SAMPLE_EVENT, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Client:
    """Asks a hub, one connection a request."""

    host: str
    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def post(self, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Answer:
        return self.ask("POST", "/v1/logs", body, Content_Type=content_type, **headers)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def hub(home: Path) -> Iterator[HubServer]:
    with HubServer(home, "127.0.0.1", 0) as server:
        yield server


@pytest.fixture
def client(hub: HubServer) -> Client:
    return Client("127.0.0.1", hub.port)


@pytest.fixture
def sample_body() -> bytes:
    """An export of one sample; the hub does not look into it."""
    event = Event(SAMPLE_EVENT, {"node": "edge-01", "cpu_utilization": (0.5, 1.0)})
    return request_of([record_of(event)], {"host.name": "edge-01"})


@pytest.fixture
def heartbeat() -> Heartbeat:
    job = JobStatus(
        name="resnet",
        mode="auto",
        arm="policy",
        target_ms=7.0,
        target_statistic="p95",
        latency_ms=6.25,
        cpuset="0-23",
        n_cpus=24,
        layout="compact",
        state="settled",
    )
    return Heartbeat(
        node="edge-01",
        node_class="epyc",
        fingerprint="f-1",
        origin=Origin.RECORDED,
        time=datetime(2026, 5, 4, tzinfo=UTC),
        release=3,
        policy_digest="ab" * 32,
        mode="auto",
        paused=False,
        node_power_w=215.9,
        power_source="modelled",
        jobs=(job,),
    )


@pytest.fixture
def heartbeat_body(heartbeat: Heartbeat) -> bytes:
    return request_of([record_of(Event(HEARTBEAT_EVENT, heartbeat_attributes(heartbeat)))], {})
