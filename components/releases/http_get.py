"""One careful HTTP GET: time-outs, size caps, and an answer that is what was asked for."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.releases.errors import SourceAwayError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.settings.login import Login

_CHUNK_BYTES = 1 << 16
_TRY_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


@dataclass(frozen=True, slots=True)
class Address:
    """A server and the folder of it that holds `releases` and `bundles`."""

    scheme: str
    host: str
    port: int | None
    folder: str
    login: Login | None = None

    @classmethod
    def parse(cls, url: str, login: Login | None = None) -> Address:
        """Read a URL like `http://hub:8790`.

        Raises:
            SourceError: it is no such URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _bad_url(url, str(error)) from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise _bad_url(url, "it is no http or https URL with a host")
        if parts.query or parts.fragment or parts.username is not None:
            raise _bad_url(url, "it has a query, a fragment or a user")
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), login)

    def connect(self, timeout_s: float) -> http.client.HTTPConnection:
        """Prepare a connection; nothing is sent yet."""
        kind = http.client.HTTPSConnection if self.scheme == "https" else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=timeout_s)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.folder}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server gave, read whole."""

    where: str
    body: bytes
    etag: str | None
    not_modified: bool
    """The server says that what the ETag named is still so; the body is empty."""


def get(
    address: Address,
    path: str,
    *,
    timeout_s: float,
    max_bytes: int,
    content_types: Sequence[str] = (),
    etag: str | None = None,
) -> Answer | None:
    """Ask for a file; None when the server says that there is none (404).

    Args:
        address: the server.
        path: of the file, below the address.
        timeout_s: for connecting, for each wait, and from the start to the end of the body.
        max_bytes: a longer body is refused.
        content_types: those accepted; none named: any but HTML, the language of error pages.
        etag: of what is known already.

    Raises:
        SourceAwayError: no whole answer in time, or one that says to try later.
        SourceError: the server refuses us, sends us elsewhere, or its answer is too large.
    """
    where = f"{address}/{path}"
    deadline = time.monotonic() + timeout_s
    connection = address.connect(timeout_s)
    headers = {"Accept-Encoding": "identity", "User-Agent": "joulepilot"}
    if address.login is not None:
        headers["Authorization"] = address.login.authorization
    if etag is not None:
        headers["If-None-Match"] = etag
    try:
        connection.request("GET", f"{address.folder}/{path}", headers=headers)
        response = connection.getresponse()
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        known = etag is not None and response.status == HTTPStatus.NOT_MODIFIED
        if not known:
            _check(response, where, content_types)
        body = b"" if known else _read(response, where, deadline, max_bytes)
        return Answer(where, body, response.headers.get("ETag"), known)
    except (OSError, http.client.HTTPException) as error:
        raise _away(where, f"no whole answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _check(response: http.client.HTTPResponse, where: str, accepted: Sequence[str]) -> None:
    status = response.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_LATER:
        raise _away(where, f"the server answers {status} {response.reason}")
    if status == HTTPStatus.UNAUTHORIZED:
        raise SourceError(
            f"asked for {where}",
            "the server answers 401: it asks for a login, or for another one",
            "name a file with USER:PASSWORD by --hub-login-file",
        )
    if status != HTTPStatus.OK:
        elsewhere = response.headers.get("Location")
        found = f"the server answers {status} {response.reason}"
        raise SourceError(
            f"asked for {where}",
            found if elsewhere is None else f"{found}, go to {elsewhere}",
            "give the address that serves the release log itself, to this node",
        )
    found_type = response.headers.get_content_type()
    if found_type == "text/html" or (accepted and found_type not in accepted):
        raise _away(where, f"the answer is {found_type}, as of a proxy or another server")


def _read(response: http.client.HTTPResponse, where: str, deadline: float, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    n_bytes = 0
    while chunk := response.read1(_CHUNK_BYTES):
        chunks.append(chunk)
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise SourceError(
                f"asked for {where}",
                f"the answer is longer than {max_bytes} bytes",
                "give the address that serves the release log",
            )
        if time.monotonic() > deadline:
            raise _away(where, f"no whole answer in time, only {n_bytes} bytes")
    if response.length:
        raise _away(where, f"the answer broke off {response.length} bytes before its end")
    return b"".join(chunks)


def _away(where: str, found: str) -> SourceAwayError:
    return SourceAwayError(
        f"asked for {where}", found, "look whether the hub runs; it is asked again"
    )


def _bad_url(url: str, found: str) -> SourceError:
    return SourceError(
        f"asked to follow releases at {url!r}", found, "give one like http://127.0.0.1:8790"
    )
