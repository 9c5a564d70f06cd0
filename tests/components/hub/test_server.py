from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from components.hub.client import read_nodes
from components.hub.errors import HubAwayError, HubError
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
DIGEST = "ab" * 32


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


def test_a_release_is_404_until_there_is_one_then_served_with_an_etag(
    client: Any, home: Path
) -> None:
    assert client.ask("GET", "/releases/000001.json").status == 404
    (home / "releases").mkdir()
    (home / "releases/000001.json").write_bytes(b'{"sequence": 1}')
    answer = client.ask("GET", "/releases/000001.json")
    assert (answer.status, answer.body) == (200, b'{"sequence": 1}')
    assert answer.headers["Content-Type"] == JSON
    etag = answer.headers["ETag"]
    assert etag == f'"{hashlib.sha256(answer.body).hexdigest()}"'
    again = client.ask("GET", "/releases/000001.json", If_None_Match=etag)
    assert (again.status, again.body) == (304, b"")
    head = client.ask("HEAD", "/releases/000001.json")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "15")


def test_files_of_a_bundle_are_served(client: Any, home: Path) -> None:
    folder = home / "bundles" / DIGEST
    folder.mkdir(parents=True)
    (folder / "predict.onnx").write_bytes(b"\x08\x01")
    answer = client.ask("GET", f"/bundles/{DIGEST}/predict.onnx")
    assert (answer.status, answer.body) == (200, b"\x08\x01")
    assert client.ask("GET", f"/bundles/{DIGEST}/other.onnx").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/releases/../secret.txt",
        "/releases/%2e%2e/secret.txt",
        "/releases/..%2fsecret.txt",
        "/releases//secret.txt",
        f"/bundles/{DIGEST}/../../secret.txt",
        f"/bundles/{DIGEST}/..",
        f"/bundles/{DIGEST}/.hidden",
        f"/bundles/{DIGEST}/link.txt",
        f"/bundles/{DIGEST}/",
        f"/bundles/{DIGEST}/folder",
        f"/bundles/{'ab' * 31}zz/a",
        "/bundles/../secret.txt",
        "/releases/000001.json%00",
        "/releases/١٢٣٤٥٦.json".encode().decode("latin-1"),  # other digits
        "/secret.txt",
        "//secret.txt",
        "/spool",
        "/hub/nodes.json",
    ],
)
def test_no_path_leads_out_of_releases_and_bundles(hub: HubServer, home: Path, path: str) -> None:
    (home / "secret.txt").write_text("secret")
    folder = home / "bundles" / DIGEST
    (folder / "folder").mkdir(parents=True)
    (folder / ".hidden").write_text("secret")
    (folder / "link.txt").symlink_to(home / "secret.txt")
    (home / "releases").mkdir()
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as raw:
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode("latin-1")
        )
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\n\r\nsecret" not in answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/logs", 405),
        ("POST", "/v1/metrics", 404),
        ("POST", "/", 404),
        ("PUT", "/v1/logs", 501),
        ("DELETE", "/releases/000001.json", 501),
    ],
)
def test_what_is_not_offered_is_refused(client: Any, method: str, path: str, status: int) -> None:
    assert client.ask(method, path, b"x").status == status


def test_the_status_page_is_html_that_may_load_nothing(client: Any, heartbeat_body: bytes) -> None:
    client.post(heartbeat_body)
    answer = client.ask("GET", "/?x=1")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert b"edge-01" in answer.body


def test_a_port_in_use_is_said_with_what_to_do(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(HubError, match="another --port"):
        HubServer(tmp_path / "other", "127.0.0.1", hub.port)


def test_a_home_has_one_hub(hub: HubServer, home: Path) -> None:
    with pytest.raises(HubError, match="another hub serves it already"):
        HubServer(home, "127.0.0.1", 0)


def test_a_home_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HubError, match="cannot be used"):
        HubServer(tmp_path / "file", "127.0.0.1", 0)


def test_closing_waits_for_idle_connections_only_briefly(home: Path) -> None:
    hub = HubServer(home, "127.0.0.1", 0)
    hub.start()
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10):
        begin_s = time.monotonic()
        hub.close()
        assert time.monotonic() - begin_s < 3
    assert not [t for t in threading.enumerate() if t.name == "joulepilot-hub"]


def test_what_is_no_hub_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(HubAwayError, match="does not answer"):
        read_nodes(f"http://127.0.0.1:{port}")
    for url in ("hub", "http://", "http://h:port", "http://[::1"):
        with pytest.raises(HubError, match="no http"):
            read_nodes(url)


def test_another_server_is_no_hub(hub: HubServer) -> None:
    with pytest.raises(HubError, match="answered 404"):
        read_nodes(f"{hub.url}/elsewhere")
