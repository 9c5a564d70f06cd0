"""The control socket: a unix socket of the home. No port is opened.

Who connects is told by the kernel; what they may ask for, by `control_access`. One line of JSON is
a command; a request for a page is answered as HTTP.
"""

from __future__ import annotations

import logging
import os
import socket
import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from components.errors import JoulepilotError
from components.executor.control_access import READ_VERBS, Access, peer_of
from components.executor.control_http import answer_http, is_http
from components.executor.errors import CommandError, ExecutorAwayError
from components.executor.wire import (
    MAX_LINE_BYTES,
    Command,
    decode_answer,
    decode_command,
    encode_answer,
    encode_command,
    encode_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from components.executor.wire import Plain

log = logging.getLogger(__name__)
_READ_S = 10.0
_MOST_AT_ONCE = 32
"""Connections; who holds more open finds it closed."""


class ControlServer:
    """Answers commands on a socket, each connection in a thread of its own."""

    def __init__(
        self, path: Path, do: Callable[[Command], Plain], access: Access | None = None
    ) -> None:
        """Listen; a socket left by a process that died is replaced.

        Without `access` only root and the user of this process may ask.

        Raises:
            CommandError: the socket cannot be made.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            with _short_name(path) as name:
                self._server = _Server(name, do, access or Access())
        except OSError as error:
            raise CommandError(
                f"asked for the control socket {path}",
                f"it cannot be made: {error}",
                "give a --home this user may write",
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="control"
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._path.unlink(missing_ok=True)


def ask(path: Path, command: Command, timeout_s: float = 30.0) -> Plain:
    """Send a command to the executor that listens on a socket.

    Raises:
        ExecutorAwayError: nobody answers there.
        CommandError: the command was not done, and why.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            with _short_name(path) as name:
                connection.connect(name)
            connection.sendall(encode_command(command))
            with connection.makefile("rb") as file:
                line = file.readline(MAX_LINE_BYTES)
    except OSError as error:
        raise _away(path, str(error)) from error
    if not line:
        raise _away(path, "it closed the connection")
    return decode_answer(line)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 2 * _MOST_AT_ONCE

    def __init__(self, name: str, do: Callable[[Command], Plain], access: Access) -> None:
        self.do = do
        self.access = access
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(name, _Handler)

    def server_bind(self) -> None:
        """Bind so that nobody else can connect, from the first instant on."""
        before = os.umask(0o777 & ~self.access.socket_mode)
        try:
            super().server_bind()
        finally:
            os.umask(before)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, unless too many are open."""
        if not self._free.acquire(blocking=False):
            log.warning(
                "the control socket has %d connections open; one more is closed", _MOST_AT_ONCE
            )
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    timeout = _READ_S

    def handle(self) -> None:
        try:
            line = self.rfile.readline(MAX_LINE_BYTES)
            if is_http(line):
                self.wfile.write(answer_http(line, self.rfile, self._do))
            else:
                self.wfile.write(self._answer(line))
        except OSError:
            return  # whoever asked has gone

    def _answer(self, line: bytes) -> bytes:
        try:
            return encode_answer(self._do(decode_command(line)))
        except JoulepilotError as error:
            return encode_error(error)

    def _do(self, command: Command) -> Plain:
        peer = peer_of(self.connection)
        self.server.access.check(peer, command.verb)
        if command.verb not in READ_VERBS:
            log.info("%s, asked by user %d (process %d)", command.verb, peer.uid, peer.pid)
        return self.server.do(command)


@contextmanager
def _short_name(path: Path) -> Iterator[str]:
    """A name of the socket that fits the kernel's 107 bytes, however long the home's is."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def _away(path: Path, found: str) -> ExecutorAwayError:
    return ExecutorAwayError(
        f"asked the executor at {path}",
        f"it does not answer: {found}",
        "start it with `joulepilot-node run`, or give the --home it was started with",
    )
