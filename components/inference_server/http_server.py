"""The server's HTTP: `POST /v1/infer`, `GET /healthz`, `/readyz`, `/metrics`.

`POST /v1/infer?batch=N` (or header `X-Batch-Size: N`) takes float32 images as they lie in memory,
or no body for N seeded random ones, and answers `{"classes": [...], "images": N, "latency_ms": …}`.
400, 411, 413: the request does not fit; 503: busy, warming or draining.
"""

from __future__ import annotations

import errno
import json
import logging
import socket
import socketserver
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from components.inference_server.errors import BadRequestError, BusyError, ListenError
from components.inference_server.metrics_page import CONTENT_TYPE, metrics_page
from components.inference_server.service import Classified, InferenceService, State

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_BODY_BYTES = 256 * 2**20
_MAX_LENGTH_DIGITS = 12
_IDLE_CONNECTION_S = 60.0

_log = logging.getLogger(__name__)


class InferenceHTTPServer(ThreadingHTTPServer):
    """A thread per connection in front of the service; see `hang_up` for its end."""

    daemon_threads = False
    request_queue_size = 256  # a burst of new connections waits in the kernel, not at the client

    def __init__(
        self,
        address: tuple[str, int],
        service: InferenceService,
        observe: Callable[[float, HTTPStatus, int], None] | None = None,
    ) -> None:
        """Listen.

        Args:
            address: host and port; port 0 takes a free one.
            service: answers the requests.
            observe: told of each inference request: seconds, status, images answered.

        Raises:
            ListenError: the address is in use or not ours.
        """
        self.service = service
        self.observe = observe
        self._connections: set[socket.socket] = set()
        self._mutex = threading.Lock()
        try:
            super().__init__(address, _Handler)
        except (OSError, OverflowError) as error:
            raise _cannot_listen(address, error) from error

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def server_bind(self) -> None:
        """Bind without asking the name service what the address is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, for the end."""
        with self._mutex:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._mutex:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as inherited
        """Log what went wrong on a connection; a client that left is no news."""
        error = sys.exception()
        level = logging.DEBUG if isinstance(error, ConnectionError) else logging.ERROR
        _log.log(level, "connection from %s failed", client_address, exc_info=error)

    def hang_up(self) -> None:
        """Stop listening, end idle connections, and wait for their threads."""
        self.shutdown()
        with self._mutex:
            connections = tuple(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RD)  # what is being written still goes out
            except OSError:
                _log.debug("a connection ended by itself")
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: InferenceHTTPServer
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_CONNECTION_S
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True

    _arrived_s = 0.0

    def parse_request(self) -> bool:
        """Note the arrival, then read the head."""
        self._arrived_s = time.perf_counter()
        return super().parse_request()

    def do_GET(self) -> None:
        """Answer the pages."""
        path = urlsplit(self.path).path
        service = self.server.service
        if path == "/metrics":
            page = metrics_page(service.counters.counts(), service.facts())
            self._send(HTTPStatus.OK, page.encode(), CONTENT_TYPE)
        elif path == "/healthz":
            self._send_json(HTTPStatus.OK, {"alive": True})
        elif path == "/readyz":
            is_ready = service.state is State.READY
            status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
            self._send_json(status, {"ready": is_ready, "because": service.state.value})
        else:
            self._send_not_found(path)

    def do_POST(self) -> None:
        """Answer an inference."""
        url = urlsplit(self.path)
        with self.server.service.in_flight():
            body = self._read_body()
            if body is None:
                return
            if url.path != "/v1/infer":
                self._send_not_found(url.path)
                return
            status, n_images = self._infer(body, url.query)
            if self.server.observe is not None:
                self.server.observe(time.perf_counter() - self._arrived_s, status, n_images)

    def version_string(self) -> str:
        """Name the server without its interpreter."""
        return "joulepilot-inference"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        """Keep quiet: the metrics page counts."""
        _log.debug(format, *args)

    def _infer(self, body: bytes, query: str) -> tuple[HTTPStatus, int]:
        try:
            batch_size = _batch_size(query, self.headers.get("X-Batch-Size"))
            answer = self.server.service.classify(body, batch_size, self._arrived_s)
        except BusyError as error:
            return self._send_error(HTTPStatus.SERVICE_UNAVAILABLE, error), 0
        except BadRequestError as error:
            return self._send_error(HTTPStatus.BAD_REQUEST, error), 0
        self._send_json(HTTPStatus.OK, _as_json(answer))
        return HTTPStatus.OK, answer.n_images

    def _read_body(self) -> bytes | None:
        """Read the whole body; None when it was refused and answered."""
        text = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self._refuse_body(HTTPStatus.LENGTH_REQUIRED, "its length is not said")
        elif not (text.isascii() and text.isdigit()):
            self._refuse_body(HTTPStatus.BAD_REQUEST, f"its length is {text!r}")
        elif len(text) > _MAX_LENGTH_DIGITS or int(text) > _MAX_BODY_BYTES:
            found = f"it has {text} bytes; {_MAX_BODY_BYTES} are taken at most"
            self._refuse_body(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, found)
        else:
            body = self.rfile.read(int(text))
            if len(body) == int(text):
                return body
            self._refuse_body(HTTPStatus.BAD_REQUEST, f"it ended after {len(body)} bytes")
        return None

    def _refuse_body(self, status: HTTPStatus, found: str) -> None:
        self.close_connection = True  # what follows cannot be told from the next request
        self._send_error(
            status, BadRequestError("asked to read a body", found, "say its Content-Length")
        )

    def _send_not_found(self, path: str) -> None:
        error = BadRequestError(
            f"asked for {path}",
            "there is POST /v1/infer and GET /healthz, /readyz, /metrics",
            "use one of them",
        )
        self._send_error(HTTPStatus.NOT_FOUND, error)

    def _send_error(self, status: HTTPStatus, error: BusyError | BadRequestError) -> HTTPStatus:
        self._send_json(status, {"error": str(error)})
        return status

    def _send_json(self, status: HTTPStatus, values: dict[str, object]) -> None:
        self._send(status, json.dumps(values).encode() + b"\n", "application/json")

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection or self.server.service.state is State.DRAINING:
            self.send_header("Connection", "close")  # also sets close_connection
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _as_json(answer: Classified) -> dict[str, object]:
    return {
        "classes": list(answer.classes),
        "images": answer.n_images,
        "latency_ms": round(answer.latency_s * 1e3, 3),
    }


def _batch_size(query: str, header: str | None) -> int | None:
    """Read the batch from query or header; None when neither says one.

    Raises:
        BadRequestError: it is no whole number.
    """
    text = parse_qs(query).get("batch", [header])[-1] if query else header
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise BadRequestError(
            f"asked for a batch of {text!r}", "that is no whole number", "say ?batch=8"
        )
    return int(text)


def _cannot_listen(address: tuple[str, int], error: OSError | OverflowError) -> ListenError:
    in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    return ListenError(
        f"asked to listen on {address[0]}:{address[1]}",
        "the port is in use" if in_use else str(error),
        "choose another with --port, or stop what listens there" if in_use else "choose another",
    )
