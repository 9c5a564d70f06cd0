"""Who is on call: a webhook receiver on loopback that keeps what it was told."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

POLL_S = 0.2
MOST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came."""

    title: str
    text: str
    received_s: float
    """Monotonic."""


class Receiver:
    """Takes what Apprise posts to `json://…`, until the `with` block is left."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        keep = self._messages.append

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length", 0)), MOST_BYTES)
                try:
                    content = json.loads(self.rfile.read(length))
                    title, text = str(content["title"]), str(content["message"])
                except (ValueError, KeyError, TypeError):
                    self.send_error(400)
                    return
                keep(Message(title, text, time.monotonic()))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """As Apprise takes it."""
        return f"json://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def messages(self) -> tuple[Message, ...]:
        """All that came so far."""
        return tuple(self._messages)

    def wait_for(self, part: str, *, within_s: float) -> Message | None:
        """The first message whose title or text has a part; None when none came in time."""
        deadline = time.monotonic() + within_s
        while True:
            for message in self.messages:
                if part in message.title or part in message.text:
                    return message
            if time.monotonic() > deadline:
                return None
            time.sleep(POLL_S)
