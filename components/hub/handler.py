"""HTTP's own matters: reading a request within bounds, writing an answer."""

from __future__ import annotations

import contextlib
import hmac
import logging
import socket
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from components.hub.reply import Reply, not_found, text_reply, unknown_caller
from components.hub.routes import HEALTH, too_large
from components.telemetry.errors import EventSizeError

if TYPE_CHECKING:
    from components.hub.limits import HubLimits
    from components.hub.routes import Routes
    from components.settings.login import Login

_LOG = logging.getLogger(__name__)
_CHUNK_BYTES = 64 * 1024
_LINGER_S = 2.0
_LINGER_BYTES = 64 * 1024 * 1024


class HubHandler(BaseHTTPRequestHandler):
    """Serves one connection, request after request."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True

    def __init__(
        self,
        routes: Routes,
        limits: HubLimits,
        login: Login | None,
        request: socket.socket,
        client_address: tuple[str, int],
        server: object,
    ) -> None:
        self._routes = routes
        self._limits = limits
        self._login = login
        super().__init__(request, client_address, server)  # type: ignore[arg-type]  # only kept

    def setup(self) -> None:
        """Bound every wait on the connection."""
        super().setup()
        self.connection.settimeout(self._limits.request_timeout_s)

    def do_GET(self) -> None:
        """Answer a GET."""
        path = self._bare_path()
        if path != HEALTH and not self._is_known():
            self._refuse(unknown_caller())
            return
        self._write(self._routes.get(path, self.headers.get("If-None-Match")))

    def do_HEAD(self) -> None:
        """Answer as to a GET, without the body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Read the body and answer; a body we do not want is not read, or read and thrown away."""
        path, content_type = self._bare_path(), self.headers.get("Content-Type", "")
        if not self._is_known():
            self._refuse(unknown_caller())
            return
        if not self._routes.takes(path):
            self._refuse(not_found(path))
            return
        n_bytes = self._declared_bytes()
        if n_bytes is None:
            self._refuse(
                text_reply(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length")
            )
        elif n_bytes > self._limits.max_body_bytes:
            self._refuse(too_large(self._size_error(n_bytes), content_type))
        else:
            body = self._body(n_bytes)
            encoding = self.headers.get("Content-Encoding")
            self._write(self._routes.post(path, body, content_type, encoding))

    def version_string(self) -> str:
        """Name the server."""
        return "joulepilot"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by the parent
        """Log requests like everything else here."""
        _LOG.debug("%s %s", self.address_string(), format % args)

    def _is_known(self) -> bool:
        if self._login is None:
            return True
        said = self.headers.get("Authorization", "")
        return hmac.compare_digest(said.encode(), self._login.authorization.encode())

    def _bare_path(self) -> str:
        return self.path.partition("?")[0]

    def _declared_bytes(self) -> int | None:
        text = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (text.isascii() and text.isdigit()):
            return None
        return int(text[:18])

    def _body(self, n_bytes: int) -> bytes:
        deadline_s = time.monotonic() + self._limits.request_timeout_s
        body = bytearray()
        while len(body) < n_bytes:
            chunk = self.rfile.read1(min(_CHUNK_BYTES, n_bytes - len(body)))
            if not chunk:
                raise ConnectionResetError(f"the sender left after {len(body)} of {n_bytes} bytes")
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"only {len(body)} of {n_bytes} bytes came in time")
            body += chunk
        return bytes(body)

    def _size_error(self, n_bytes: int) -> EventSizeError:
        return EventSizeError(
            f"asked to take a body of {n_bytes} bytes",
            f"this hub takes {self._limits.max_body_bytes}",
            "send fewer records in one body, or compress it",
        )

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _refuse(self, reply: Reply) -> None:
        """Answer without the body having been read, and close.

        What still comes is read and thrown away for a while: closing at once would reset the
        connection, and the sender might never see why.
        """
        self.close_connection = True
        headers = {**reply.headers, "Connection": "close"}
        self._write(Reply(reply.status, reply.content_type, reply.body, headers))
        self.wfile.flush()
        self.connection.settimeout(_LINGER_S)
        deadline_s, n_bytes = time.monotonic() + _LINGER_S, 0
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while n_bytes < _LINGER_BYTES and time.monotonic() < deadline_s:
                chunk = self.rfile.read1(_CHUNK_BYTES)
                if not chunk:
                    break
                n_bytes += len(chunk)
