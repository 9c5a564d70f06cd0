"""The hub's server: starts, serves many connections at once, ends without losing a request."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import socket
import sys
import threading
import time
from functools import partial
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING

from components.hub.errors import HubError
from components.hub.handler import HubHandler
from components.hub.intake import Intake
from components.hub.limits import HubLimits
from components.hub.nodes import NODES, NodeBook
from components.hub.routes import Routes
from components.hub.served_files import ServedFiles
from components.hub.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO, Self

    from components.settings.login import Login

_LOG = logging.getLogger(__name__)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
    b"Content-Length: 0\r\n\r\n"
)
_CLOSE_TIMEOUT_S = 5.0


class HubServer:
    """Receives events into `home/spool` and serves `home/releases` and `home/bundles`.

    Binds when made, serves from `start` (or `with`) to `close`.
    """

    def __init__(
        self,
        home: Path,
        host: str,
        port: int,
        *,
        limits: HubLimits | None = None,
        login: Login | None = None,
    ) -> None:
        """Take hold of a home and a port (0: any free one); without a login everyone is let in.

        Raises:
            HubError: another hub has this home, or the port cannot be had.
        """
        bounds = limits or HubLimits()
        self._host = host
        self._lock_file = _hold(home)
        spool = Spool(home / "spool", min_free_bytes=bounds.min_free_bytes)
        spool.clear_incoming()
        self._nodes = NodeBook(home / NODES, max_nodes=bounds.max_nodes)
        intake = Intake(spool, self._nodes, max_decoded_bytes=bounds.max_decoded_bytes)
        routes = Routes(intake, self._nodes, ServedFiles(home))
        try:
            handler = partial(HubHandler, routes, bounds, login)
            self._http = _HttpServer(host, port, handler, bounds)
        except OSError as error:
            self._lock_file.close()
            raise HubError(
                f"asked to listen on {host}:{port}",
                f"it cannot be had: {error}",
                "stop what listens there, or give another --port",
            ) from error
        self._thread = threading.Thread(
            target=partial(self._http.serve_forever, poll_interval=0.1), name="joulepilot-hub"
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Where it is reached."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Take no more, finish what is being answered, keep the last heartbeats."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.end_connections(_CLOSE_TIMEOUT_S)
        self._nodes.save()
        self._lock_file.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _HttpServer(ThreadingHTTPServer):
    """One thread a connection, at most so many of them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, host: str, port: int, handler: partial[HubHandler], limits: HubLimits
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._max_connections = limits.max_connections
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without asking a name service who we are, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(  # type: ignore[override]  # TCP only
        self, request: socket.socket, client_address: tuple[str, int]
    ) -> None:
        """Start a thread for a connection, or turn it away when there are too many."""
        with self._changed:
            has_room = len(self._open) < self._max_connections
            if has_room:
                self._open.add(request)
        if has_room:
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.settimeout(1.0)
            request.sendall(_FULL)
        self.shutdown_request(request)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]  # TCP only
        """Close a connection that is done."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def end_connections(self, timeout_s: float) -> None:
        """Let connections finish their request, but read no further one."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            self._changed.wait_for(lambda: not self._open, timeout=deadline_s - time.monotonic())

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # by the parent
        """Log what ended a connection; that a sender left is no news."""
        error = sys.exc_info()[1]
        if isinstance(error, (ConnectionError, TimeoutError)):
            _LOG.debug("%s left: %s", client_address, error)
        else:
            _LOG.error("a request of %s failed", client_address, exc_info=error)


def _hold(home: Path) -> IO[bytes]:
    """Take hold of a home until the returned file is closed."""
    file = home / "hub" / "lock"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = file.open("ab")
    except OSError as error:
        raise HubError(
            f"asked to serve {home}",
            f"it cannot be used: {error}",
            "give a folder that can be written",
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise HubError(
            f"asked to serve {home}",
            "another hub serves it already",
            "stop that one, or give another --home",
        ) from error
    return held
