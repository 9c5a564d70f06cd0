"""The hub's server: what it serves, and what it is at its address."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from components.hub.client import read_nodes
from components.hub.errors import HubAwayError, HubError
from components.hub.server import HubServer

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


JSON = "application/json"

DIGEST = "ab" * 32


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
