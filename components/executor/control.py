"""The control socket: a unix socket of the home, for its owner only. No port is opened."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
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

_READ_S = 10.0


class ControlServer:
    """Answers commands on a socket, each connection in a thread of its own."""

    def __init__(self, path: Path, do: Callable[[Command], Plain]) -> None:
        """Listen; a socket left by a process that died is replaced.

        Raises:
            CommandError: the socket cannot be made.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            with _short_name(path) as name:
                self._server = _Server(name, do)
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

    def __init__(self, name: str, do: Callable[[Command], Plain]) -> None:
        self.do = do
        super().__init__(name, _Handler)

    def server_bind(self) -> None:
        """Bind so that nobody but the owner can connect, from the first instant on."""
        before = os.umask(0o177)
        try:
            super().server_bind()
        finally:
            os.umask(before)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    timeout = _READ_S

    def handle(self) -> None:
        try:
            line = self.rfile.readline(MAX_LINE_BYTES)
            self.wfile.write(self._answer(line))
        except OSError:
            return  # whoever asked has gone

    def _answer(self, line: bytes) -> bytes:
        try:
            return encode_answer(self.server.do(decode_command(line)))
        except JoulepilotError as error:
            return encode_error(error)


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
