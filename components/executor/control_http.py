"""Two pages over the control socket for programs that speak HTTP: metrics and health.

`curl --unix-socket HOME/node/control.sock http://node/metrics`; for Prometheus a reverse proxy or
node_exporter's textfile folder stands in between, so that the executor opens no port.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.executor.metrics_page import CONTENT_TYPE
from components.executor.wire import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedIOBase

    from components.executor.wire import Plain

_MOST_HEADERS = 100
_MAX_LINE_BYTES = 8192
PAGES = {"/metrics": "metrics", "/healthz": "health"}


def is_http(line: bytes) -> bool:
    """Whether a first line is a request for a page."""
    return line.startswith((b"GET ", b"HEAD ")) and b"HTTP/1." in line


def answer_http(line: bytes, rest: BufferedIOBase, do: Callable[[Command], Plain]) -> bytes:
    """Read the rest of a request, and answer it; the connection is closed afterwards."""
    for _ in range(_MOST_HEADERS):
        if not rest.readline(_MAX_LINE_BYTES).strip():
            break
    words = line.split()
    path = words[1].decode(errors="replace").partition("?")[0]
    verb = PAGES.get(path)
    if verb is None:
        return _response(HTTPStatus.NOT_FOUND, "text/plain", f"pages are {', '.join(PAGES)}\n")
    try:
        result = do(Command(verb, {}))
    except JoulepilotError as error:
        return _response(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{error}\n")
    if verb == "metrics":
        return _response(HTTPStatus.OK, CONTENT_TYPE, str(result["page"]))
    status = HTTPStatus.OK if result["healthy"] else HTTPStatus.SERVICE_UNAVAILABLE
    return _response(status, "application/json", json.dumps(result) + "\n")


def _response(status: HTTPStatus, content_type: str, text: str) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
