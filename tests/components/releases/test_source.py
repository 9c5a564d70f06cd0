from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from components.policy.errors import BundleError
from components.releases.errors import (
    EntryError,
    ReleaseLogError,
    SourceAwayError,
    SourceError,
)
from components.releases.operations import promote, seed
from components.releases.source import FolderSource, HttpSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from components.releases.source import ReleaseSource
    from components.releases.verdict import Verdict

TYPES = {".json": "application/json"}


@dataclass
class Web:
    """A web server over a home, and what it shall do wrong."""

    home: Path
    status: int = 200
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut_after: int | None = None
    stall_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(home: Path) -> Iterator[Web]:
    web = Web(home)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(self.path)
            path = web.home / self.path.lstrip("/")
            etag = f'"{self.path}"'
            if web.status == 200 and web.body is None and not path.is_file():
                self.send_error(404)
                return
            if self.headers.get("If-None-Match") == etag:
                web.asked[-1] += " 304"
                self.send_response(304)
                self.end_headers()
                return
            body = web.body if web.body is not None else path.read_bytes()
            self.send_response(web.status)
            kind = web.content_type or TYPES.get(path.suffix, "application/octet-stream")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", etag)
            for name, value in web.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if web.stall_s:
                for byte in body:
                    if stop.wait(web.stall_s):
                        return
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
            self.wfile.write(body[: web.cut_after])

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            pass

    stop = threading.Event()
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        web.url = f"http://127.0.0.1:{server.server_port}"
        yield web
        stop.set()
        server.shutdown()
        thread.join(timeout=10)


@pytest.fixture
def home(tmp_path: Path, make_bundle: Callable[[str], Path]) -> Path:
    home = tmp_path / "home"
    seed(home, make_bundle("shipped"))
    return home


@pytest.fixture
def web(home: Path) -> Iterator[Web]:
    with serving(home) as web:
        yield web


@pytest.fixture
def far(web: Web, tmp_path: Path) -> HttpSource:
    return HttpSource(web.url, tmp_path / "cache", timeout_s=2.0)


def digest_of(source: ReleaseSource, sequence: int = 1) -> str:
    release = source.release(sequence)
    assert release is not None
    digest = release.desired.digest_for("any")
    assert digest is not None
    return digest


def test_both_sources_tell_the_same(home: Path, far: HttpSource) -> None:
    near = FolderSource(home)
    assert near.release(1) == far.release(1)
    digest = digest_of(near)
    assert {p.name: p.read_bytes() for p in near.bundle(digest).iterdir()} == {
        p.name: p.read_bytes() for p in far.bundle(digest).iterdir()
    }


def test_the_next_entry_is_none_until_it_is_there(
    home: Path,
    far: HttpSource,
    make_bundle: Callable[[str], Path],
    verdict_on: Callable[..., Verdict],
) -> None:
    assert (FolderSource(home).release(2), far.release(2)) == (None, None)
    bundle = make_bundle("better")
    promote(home, bundle, verdict_on(bundle), who="ann", why="better")
    for source in (FolderSource(home), far):
        release = source.release(2)
        assert release is not None
        assert release.who == "ann"


def test_an_entry_that_was_read_is_asked_for_by_its_etag(web: Web, far: HttpSource) -> None:
    assert far.release(1) == far.release(1)
    assert web.asked == ["/releases/000001.json", "/releases/000001.json 304"]


def test_a_bundle_is_fetched_once(web: Web, far: HttpSource) -> None:
    digest = digest_of(far)
    far.bundle(digest)
    n_asked = len(web.asked)
    far.bundle(digest)
    assert len(web.asked) == n_asked


def test_a_fetched_bundle_is_there_when_the_server_is_away(home: Path, tmp_path: Path) -> None:
    with serving(home) as web:
        source = HttpSource(web.url, tmp_path / "cache")
        digest = digest_of(source)
        folder = source.bundle(digest)
    assert HttpSource(web.url, tmp_path / "cache").bundle(digest) == folder
    with pytest.raises(SourceAwayError):
        source.release(2)


def test_a_damaged_cached_bundle_is_fetched_again(web: Web, far: HttpSource) -> None:
    digest = digest_of(far)
    (far.bundle(digest) / "predict.onnx").write_bytes(b"rot")
    assert (far.bundle(digest) / "predict.onnx").read_bytes() == b"predict shipped"


def test_a_damaged_bundle_on_the_server_is_refused_and_not_cached(
    home: Path, far: HttpSource, tmp_path: Path
) -> None:
    digest = digest_of(far)
    (home / "bundles" / digest / "golden.npz").write_bytes(b"rot")
    with pytest.raises(BundleError, match=r"golden\.npz"):
        far.bundle(digest)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_bundle_the_server_does_not_have_is_said_so(far: HttpSource) -> None:
    with pytest.raises(BundleError, match="does not have it"):
        far.bundle("a" * 64)


def test_only_a_digest_is_asked_for(web: Web, far: HttpSource) -> None:
    with pytest.raises(BundleError, match="no digest"):
        far.bundle("../releases")
    assert web.asked == []


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
def test_a_server_in_trouble_is_a_temporary_error(web: Web, far: HttpSource, status: int) -> None:
    web.status = status
    with pytest.raises(SourceAwayError, match=str(status)):
        far.release(1)


@pytest.mark.parametrize("status", [400, 401, 403, 410, 301, 302, 204])
def test_a_server_that_refuses_is_a_permanent_error(web: Web, far: HttpSource, status: int) -> None:
    web.status, web.body = status, b""
    with pytest.raises(SourceError, match=str(status)):
        far.release(1)


def test_where_a_server_sends_us_is_told_and_not_followed(web: Web, far: HttpSource) -> None:
    web.status, web.headers = 302, {"Location": "http://login.example/"}
    with pytest.raises(SourceError, match=r"go to http://login\.example/"):
        far.release(1)
    assert len(web.asked) == 1


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "text/plain"])
def test_a_page_of_a_proxy_is_no_release(web: Web, far: HttpSource, kind: str) -> None:
    web.content_type, web.body = kind, b"<html>sign in</html>"
    with pytest.raises(SourceAwayError, match="as of a proxy"):
        far.release(1)


def test_a_page_of_a_proxy_is_no_bundle(web: Web, far: HttpSource) -> None:
    digest = digest_of(far)
    web.content_type, web.body = "text/html", b"<html>sign in</html>"
    with pytest.raises(SourceAwayError, match="as of a proxy"):
        far.bundle(digest)


def test_a_damaged_entry_is_refused(web: Web, far: HttpSource) -> None:
    web.body = (
        (web.home / "releases/000001.json").read_bytes().replace(b"joulepilot", b"xoulepilot")
    )
    with pytest.raises(EntryError, match="checksum"):
        far.release(1)


def test_another_entry_than_asked_for_is_refused(web: Web, far: HttpSource) -> None:
    web.body = (web.home / "releases/000001.json").read_bytes()
    with pytest.raises(EntryError, match="it is entry 1"):
        far.release(2)


def test_an_answer_that_is_too_large_is_refused_before_it_is_read(
    web: Web, far: HttpSource
) -> None:
    web.body = b" " * (3 << 20)
    with pytest.raises(SourceError, match="longer than"):
        far.release(1)


def test_an_answer_that_breaks_off_is_a_temporary_error(web: Web, far: HttpSource) -> None:
    web.cut_after = 10
    with pytest.raises(SourceAwayError):
        far.release(1)


def test_an_answer_that_drips_is_given_up_in_time(web: Web, tmp_path: Path) -> None:
    web.stall_s = 0.05
    started = time.monotonic()
    with pytest.raises(SourceAwayError, match="in time"):
        HttpSource(web.url, tmp_path / "cache", timeout_s=0.3).release(1)
    assert time.monotonic() - started < 5


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up_in_time(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(SourceAwayError, match="timed out"):
            HttpSource(url, tmp_path / "cache", timeout_s=0.2).release(1)


def test_something_that_speaks_no_http_is_a_temporary_error(tmp_path: Path) -> None:
    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SourceAwayError):
            HttpSource(f"http://127.0.0.1:{server.getsockname()[1]}", tmp_path).release(1)
        thread.join(timeout=10)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub:8321",
        "ftp://hub/",
        "http://",
        "http://hub:port",
        "http://u:p@hub",
        "http://hub?x=1",
    ],
)
def test_an_address_that_cannot_be_is_refused_at_once(url: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="give one like"):
        HttpSource(url, tmp_path)


def test_releases_may_lie_in_a_folder_of_a_server(tmp_path: Path, home: Path) -> None:
    with serving(home.parent) as web:
        source = HttpSource(f"{web.url}/home/", tmp_path / "cache")
        assert source.release(1) == FolderSource(home).release(1)


def test_a_damaged_log_in_a_folder_is_named(home: Path) -> None:
    (home / "releases/000001.json").write_text("{}")
    with pytest.raises(ReleaseLogError, match=r"000001\.json"):
        FolderSource(home).release(1)
