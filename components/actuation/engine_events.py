"""Hears from the engine that containers come and go, so that they need not be listed all the time.

What is heard says only "look again": events may be missed while the engine restarts, so a full list
is still taken now and then, and after every new connection.
"""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

HEARD = ("start", "die", "destroy", "rename", "pause", "unpause")
"""Not `update`: our own would be heard."""
_FILTERS = quote(json.dumps({"type": ["container"], "event": list(HEARD)}))
_CONNECT_S = 5.0
_FIRST_WAIT_S = 0.5
_MOST_WAIT_S = 30.0


class EngineEvents:
    """Listens in a thread of its own; `take` never waits."""

    def __init__(self, path: Path) -> None:
        """Begin to listen at an engine's socket; one that is away is tried again."""
        self._path = path
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="engine-events", daemon=True)
        self._thread.start()

    def take(self) -> bool:
        """Whether something came or went since this was asked last."""
        has_changed = self._changed.is_set()
        if has_changed:
            self._changed.clear()
        return has_changed

    def close(self) -> None:
        """Stop listening."""
        self._ended.set()
        with self._lock:
            if self._channel is not None:
                _shut(self._channel)
        self._thread.join()

    def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._ended.is_set():
            try:
                if self._listen():
                    wait_s = _FIRST_WAIT_S
            except (OSError, http.client.HTTPException) as error:
                log.debug("the engine's events cannot be heard: %r", error)
            self._ended.wait(wait_s)
            wait_s = min(2 * wait_s, _MOST_WAIT_S)

    def _listen(self) -> bool:
        """Hear until the connection ends; whether it was one at all."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with channel:
            channel.settimeout(_CONNECT_S)
            channel.connect(str(self._path))
            with self._lock:
                if self._ended.is_set():
                    return False
                self._channel = channel
            try:
                return self._hear(channel)
            finally:
                with self._lock:
                    self._channel = None

    def _hear(self, channel: socket.socket) -> bool:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = channel
        connection.request("GET", f"/events?filters={_FILTERS}")
        channel.settimeout(None)  # it is silent for as long as nothing happens; `close` ends it
        response = connection.getresponse()
        if response.status != http.client.OK:
            return False
        self._changed.set()  # what happened before was not heard
        with response:
            while response.readline():
                self._changed.set()
        return True


def _shut(channel: socket.socket) -> None:
    try:
        channel.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it had ended by itself
