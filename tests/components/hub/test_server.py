"""The hub's server: what it takes from nodes, and what it refuses."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from components.hub.client import read_nodes
from components.hub.limits import HubLimits
from components.hub.server import HubServer
from components.hub.spool import Spool
from components.telemetry.events import Event
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import HEARTBEAT_EVENT, SAMPLE_EVENT
from components.telemetry.wire import parse_response, parse_status

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from components.telemetry.heartbeat import Heartbeat


PROTOBUF = "application/x-protobuf"

JSON = "application/json"


def spooled(home: Path) -> list[bytes]:
    spool = Spool(home / "spool")
    return [spool.read(ref) for ref in spool.pending()]


def test_a_sample_is_on_disk_when_200_is_said(client: Any, home: Path, sample_body: bytes) -> None:
    answer = client.post(sample_body)
    assert (answer.status, answer.headers["Content-Type"]) == (200, PROTOBUF)
    assert parse_response(answer.body) == (0, "")
    assert spooled(home) == [sample_body]


def test_gzip_is_kept_as_it_came(client: Any, home: Path, sample_body: bytes) -> None:
    packed = gzip.compress(sample_body)
    assert client.post(packed, Content_Encoding="gzip").status == 200
    assert spooled(home) == [packed]
    assert Spool(home / "spool").pending()[0].content_encoding == "gzip"


def test_json_is_taken_and_answered_in_json(client: Any, home: Path) -> None:
    record = {"eventName": SAMPLE_EVENT, "attributes": []}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    answer = client.post(body, JSON)
    assert (answer.status, json.loads(answer.body)) == (200, {})
    assert spooled(home) == [body]


def test_a_heartbeat_is_kept_as_the_nodes_last_and_not_spooled(
    hub: HubServer, client: Any, home: Path, heartbeat: Heartbeat, heartbeat_body: bytes
) -> None:
    assert client.post(heartbeat_body).status == 200
    [node] = read_nodes(hub.url)
    assert node.heartbeat == heartbeat
    assert spooled(home) == []
    [row] = json.loads(client.ask("GET", "/nodes").body)["nodes"]
    assert row["node"] == "edge-01"
    assert 0 <= row["age_s"] < 60


def test_nodes_are_known_after_a_restart(
    home: Path, heartbeat: Heartbeat, heartbeat_body: bytes
) -> None:
    with HubServer(home, "127.0.0.1", 0) as first:
        connection = http.client.HTTPConnection("127.0.0.1", first.port, timeout=10)
        connection.request("POST", "/v1/logs", heartbeat_body, {"Content-Type": PROTOBUF})
        assert connection.getresponse().status == 200
        connection.close()
    with HubServer(home, "127.0.0.1", 0) as second:
        assert [node.heartbeat for node in read_nodes(second.url)] == [heartbeat]


@pytest.mark.parametrize(
    ("body", "kind", "encoding"),
    [
        (b"hello", PROTOBUF, "identity"),
        (b"hello", PROTOBUF, "gzip"),
        (b"{", JSON, "identity"),
        (b"", PROTOBUF, "gzip"),
    ],
)
def test_a_damaged_body_is_400_with_the_reason_and_nothing_is_kept(
    client: Any, home: Path, body: bytes, kind: str, encoding: str
) -> None:
    answer = client.post(body, kind, Content_Encoding=encoding)
    assert answer.status == 400
    said = json.loads(answer.body)["message"] if kind == JSON else parse_status(answer.body)
    assert "asked to" in said
    assert spooled(home) == []


def test_events_that_are_none_of_ours_are_400_and_not_kept(client: Any, home: Path) -> None:
    answer = client.post(
        request_of([record_of(Event("user.click", {})), record_of(Event("", {}))], {})
    )
    assert answer.status == 400
    assert "'user.click' is not known; a record has no event name" in parse_status(answer.body)
    assert spooled(home) == []


def test_a_heartbeat_that_breaks_its_contract_is_400_by_field(hub: HubServer, client: Any) -> None:
    answer = client.post(request_of([record_of(Event(HEARTBEAT_EVENT, {"node": "n"}))], {}))
    assert answer.status == 400
    assert "node_class of joulepilot.heartbeat; it is absent" in parse_status(answer.body)
    assert read_nodes(hub.url) == ()


def test_of_a_mixed_body_ours_is_kept_and_the_rest_is_said(client: Any, home: Path) -> None:
    body = request_of([record_of(Event(SAMPLE_EVENT, {})), record_of(Event("other", {}))], {})
    answer = client.post(body)
    assert answer.status == 200
    n_rejected, reason = parse_response(answer.body)
    assert (n_rejected, "'other'" in reason) == (1, True)
    assert spooled(home) == [body]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_type_is_415(client: Any, home: Path, sample_body: bytes, kind: str) -> None:
    answer = client.post(sample_body, kind)
    assert answer.status == 415
    assert PROTOBUF.encode() in answer.body
    assert client.post(sample_body, PROTOBUF, Content_Encoding="br").status == 415
    assert spooled(home) == []


def test_a_body_too_large_is_413_and_the_sender_reads_why(client: Any, home: Path) -> None:
    answer = client.post(bytes(5 * 1024 * 1024))
    assert answer.status == 413
    assert "this hub takes 4194304" in parse_status(answer.body)
    assert answer.headers["Connection"] == "close"
    assert spooled(home) == []


def test_a_gzip_bomb_is_413(client: Any, home: Path) -> None:
    bomb = gzip.compress(bytes(200_000_000))
    answer = client.post(bomb, Content_Encoding="gzip")
    assert answer.status == 413
    assert spooled(home) == []


@pytest.mark.parametrize("length", ["", "x", "-1", "²"])
def test_a_body_of_unknown_length_is_411(hub: HubServer, length: str) -> None:
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as raw:
        head = f"POST /v1/logs HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"
        raw.sendall(head.encode("latin-1"))
        assert raw.recv(100).startswith(b"HTTP/1.1 411 ")


def test_a_sender_that_leaves_in_the_middle_leaves_nothing(
    hub: HubServer, client: Any, home: Path, sample_body: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as raw:
        head = f"POST /v1/logs HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 999\r\n\r\n"
        raw.sendall(head.encode() + sample_body)
    assert client.ask("GET", "/healthz").status == 200
    assert spooled(home) == []


def test_a_full_disk_is_503_so_that_the_sender_keeps_its_own(
    home: Path, sample_body: bytes
) -> None:
    with HubServer(home, "127.0.0.1", 0, limits=HubLimits(min_free_bytes=2**60)) as hub:
        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)
        connection.request("POST", "/v1/logs", sample_body, {"Content-Type": PROTOBUF})
        answer = connection.getresponse()
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"
        assert "bytes are free" in parse_status(answer.read())
        connection.close()
    assert spooled(home) == []


def test_one_connection_serves_request_after_request(hub: HubServer, sample_body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)
    for body, status in ((sample_body, 200), (b"bad", 400), (sample_body, 200)):
        connection.request("POST", "/v1/logs", body, {"Content-Type": PROTOBUF})
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()


def test_many_senders_at_once_lose_nothing(hub: HubServer, home: Path, client: Any) -> None:
    bodies = [request_of([record_of(Event(SAMPLE_EVENT, {"n": n}))], {}) for n in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(client.post, bodies))
    assert {answer.status for answer in answers} == {200}
    assert sorted(spooled(home)) == sorted(bodies)


def test_too_many_connections_are_turned_away_and_the_others_served(home: Path) -> None:
    with HubServer(home, "127.0.0.1", 0, limits=HubLimits(max_connections=2)) as hub:
        held = [socket.create_connection(("127.0.0.1", hub.port), timeout=10) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as third:
            assert third.recv(100).startswith(b"HTTP/1.1 503 ")
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert held[0].recv(100).startswith(b"HTTP/1.1 200 ")
        for connection in held:
            connection.close()
