"""One keep-alive HTTP connection of the load generator, without waiting anywhere."""

from __future__ import annotations

import re
import socket
from enum import Enum

_RECEIVE_BYTES = 65536
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close\r\n", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[ \r]")


class Progress(Enum):
    """What a connection is doing."""

    IDLE = "may be given a request"
    CONNECTING = "is being made"
    WAITING = "waits for an answer"
    LOST = "has failed or was closed"


class Connection:
    """Sends one small request at a time and reads its answer; the caller selects on it."""

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int]) -> None:
        """Begin to connect; see `progress` for how it went."""
        self.progress = Progress.CONNECTING
        self.intended_s = 0.0
        """When the request under way should have been sent."""
        self.sent_s = 0.0
        self._received = b""
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.connect(address)
            self.progress = Progress.IDLE
        except BlockingIOError:
            pass  # it becomes writable when the connection stands or has failed
        except OSError:
            self.close()

    def fileno(self) -> int:
        """Say what to select on."""
        return self._socket.fileno()

    def close(self) -> None:
        """End the connection."""
        self.progress = Progress.LOST
        self._socket.close()

    def finish_connecting(self) -> None:
        """Take the outcome of the connection once it is writable."""
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.close()
        else:
            self.progress = Progress.IDLE

    def send(self, request: bytes, intended_s: float, now_s: float) -> None:
        """Send a request that fits the socket's buffer; lost if it does not leave at once."""
        self.intended_s, self.sent_s = intended_s, now_s
        self._received = b""
        self.progress = Progress.WAITING
        try:
            n_sent = self._socket.send(request)
        except OSError:
            n_sent = 0
        if n_sent < len(request):
            self.close()

    def receive(self) -> int | None:
        """Read what has come.

        Returns:
            The status when an answer is whole, else None; afterwards `progress` says whether the
            connection may be used again.
        """
        try:
            part = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            part = b""
        self._received += part
        if not part or self.progress is not Progress.WAITING:
            self.close()  # closed by the server, or it speaks without being asked
            return None
        return self._whole_answer()

    def _whole_answer(self) -> int | None:
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        status, length = _STATUS.match(head), _LENGTH.search(head + b"\r\n")
        if status is None or length is None:
            self.close()  # not an answer we understand
            return None
        if len(body) < int(length[1]):
            return None
        self.progress = Progress.IDLE
        if _CLOSE.search(head + b"\r\n"):
            self.close()
        return int(status[1])
