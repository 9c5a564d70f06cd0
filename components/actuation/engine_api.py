"""The Docker Engine API over its unix socket: one kept connection, errors told apart."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from typing import TYPE_CHECKING

from components.actuation.errors import (
    ContainerGoneError,
    EngineFailedError,
    HostAwayError,
    RefusedError,
)

if TYPE_CHECKING:
    from pathlib import Path

OLDEST_VERSION = (1, 41)
"""Docker 20.10; nothing older was tried."""

_OK = range(200, 300)
_VERSION = re.compile(r"([0-9]+)\.([0-9]+)")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            channel.settimeout(self.timeout)
            channel.connect(str(self._path))
        except OSError:
            channel.close()
            raise
        self.sock = channel


class EngineApi:
    """Asks a Docker engine; may be used by several threads, one request at a time.

    The version asked for is the newest the engine has: what is used here has been the same since
    1.41, and engines refuse versions that became too old.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._connection: _UnixConnection | None = None
        self._version = ""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        with self._lock:
            self._drop()

    def get(self, path: str) -> object:
        """Ask for a resource, like `/containers/json`, and return its JSON.

        Raises:
            HostAwayError: the engine does not answer, or not in its language; EngineFailedError
                where it answered that it failed.
            ContainerGoneError: there is no such container (404).
            RefusedError: the engine refuses the request (400, 409, …).
        """
        return self._request("GET", path, None)

    def post(self, path: str, body: object) -> object:
        """Send JSON to a resource; must do no harm when sent twice. Errors are those of `get`."""
        return self._request("POST", path, json.dumps(body).encode())

    def delete(self, path: str) -> object:
        """Remove a resource; may be sent twice. Errors are those of `get`."""
        return self._request("DELETE", path, None)

    def _request(self, method: str, path: str, body: bytes | None) -> object:
        with self._lock:
            try:
                status, answer = self._exchange_twice(method, path, body)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                raise self._away(f"{method} {path}", error) from error
        return _judge(f"{method} {path}", status, answer)

    def _exchange_twice(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Exchange again on a new connection where the engine had closed the kept one."""
        was_kept = self._connection is not None
        try:
            return self._exchange(method, path, body)
        except (ConnectionError, http.client.BadStatusLine):
            if not was_kept:
                raise
            self._drop()
            return self._exchange(method, path, body)

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = self._connection or self._connect()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, f"/v{self._version}{path}", body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()

    def _connect(self) -> _UnixConnection:
        self._connection = _UnixConnection(self._path, self._timeout_s)
        self._connection.request("GET", "/_ping")
        response = self._connection.getresponse()
        response.read()
        self._version = self._negotiated(response)
        return self._connection

    def _negotiated(self, response: http.client.HTTPResponse) -> str:
        version = response.getheader("Api-Version", "")
        match = _VERSION.fullmatch(version)
        if response.status not in _OK or match is None:
            self._drop()
            raise HostAwayError(
                f"asked the Docker engine at {self._path} for its version",
                f"it answered {response.status} with Api-Version {version!r}",
                "see whether a Docker engine listens there, and its log",
            )
        if (int(match[1]), int(match[2])) < OLDEST_VERSION:
            self._drop()
            raise RefusedError(
                f"asked the Docker engine at {self._path} for its version",
                f"it speaks {version}",
                "upgrade it to Docker 20.10 (API 1.41) or newer",
            )
        return version

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _away(self, asked: str, error: Exception) -> HostAwayError:
        return HostAwayError(
            f"asked the Docker engine at {self._path} for {asked}",
            f"it does not answer: {str(error) or type(error).__name__}",
            _remedy(error),
        )


def _remedy(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "start Docker (systemctl start docker), or give the path of its socket"
    if isinstance(error, PermissionError):
        return "run as root or as a member of the group docker"
    if isinstance(error, TimeoutError):
        return "see whether Docker is overloaded or hangs (systemctl status docker)"
    return "see whether Docker is running or restarting (systemctl status docker)"


def _judge(asked: str, status: int, answer: bytes) -> object:
    try:
        document: object = json.loads(answer) if answer.strip() else None
    except ValueError:
        document = answer[:200].decode(errors="replace")
    if status in _OK:
        return document
    found = f"the Docker engine answered {status}: {_message(document)}"
    if status == http.client.NOT_FOUND:
        raise ContainerGoneError(asked, found, "nothing: it is not managed any more")
    if status >= http.client.INTERNAL_SERVER_ERROR:
        raise EngineFailedError(asked, found, "try again; if it stays, see the engine's log")
    raise RefusedError(asked, found, "correct the request; the same will be refused again")


def _message(document: object) -> str:
    message = document.get("message") if isinstance(document, dict) else document
    return str(message)
