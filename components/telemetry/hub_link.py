"""One kept HTTP connection to where OTLP bodies go, and what each answer means."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.telemetry.errors import EndpointError
from components.telemetry.wire import parse_response, parse_status

if TYPE_CHECKING:
    from components.settings.login import Login

_TRY_AGAIN = {401, 408, 429}
"""Also without a login it knows: whoever mends that wants what was kept meanwhile."""
_REASON_CHARACTERS = 300
_MAX_ANSWER_BYTES = 64 * 1024
_KINDS: dict[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


class Outcome(Enum):
    """What became of a body that was sent."""

    TAKEN = "taken"
    REFUSED = "refused"
    """It would be refused again: sending it once more is in vain."""
    AWAY = "away"
    """The receiver did not answer, or cannot take it now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said."""

    outcome: Outcome
    reason: str = ""
    n_rejected: int = 0
    """Records of a taken body that were rejected."""
    retry_after_s: float | None = None
    """How long the receiver asks to be left alone."""


class HubLink:
    """Sends gzipped protobuf bodies to `{endpoint}/v1/logs`. For one thread at a time."""

    def __init__(self, endpoint: str, timeout_s: float, login: Login | None = None) -> None:
        self._endpoint = endpoint
        self._connection = _connection(endpoint, timeout_s)
        self._path = f"{urlsplit(endpoint).path.rstrip('/')}/v1/logs"
        self._headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        if login is not None:
            self._headers["Authorization"] = login.authorization

    def send(self, body: bytes) -> Answer:
        """Send a body and wait for the answer; a connection that went stale is renewed once."""
        was_open = self._connection.sock is not None
        try:
            return self._send_once(body)
        except TimeoutError as error:
            return self._away(error)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return self.send(body) if was_open else self._away(error)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _send_once(self, body: bytes) -> Answer:
        self._connection.request("POST", self._path, body=body, headers=self._headers)
        response = self._connection.getresponse()
        answer_body = response.read(_MAX_ANSWER_BYTES)
        if not response.isclosed():  # longer than any answer of OTLP
            self._connection.close()
        return _answer(response.status, answer_body, response.getheader("Retry-After"))

    def _away(self, error: Exception) -> Answer:
        self._connection.close()
        return Answer(Outcome.AWAY, f"{self._endpoint} does not answer: {error!r}")


def _connection(endpoint: str, timeout_s: float) -> http.client.HTTPConnection:
    cause = None
    try:
        parts = urlsplit(endpoint)
        if parts.hostname and parts.scheme in _KINDS:
            return _KINDS[parts.scheme](parts.hostname, parts.port, timeout=timeout_s)
    except (ValueError, http.client.InvalidURL) as error:  # the brackets of an address, the port
        cause = error
    raise EndpointError(
        f"asked to send events to {endpoint!r}",
        "that is no http or https address",
        "give one like http://hub.example:8321",
    ) from cause


def _answer(status: int, body: bytes, retry_after: str | None) -> Answer:
    if 200 <= status < 300:
        n_rejected, reason = parse_response(body)
        return Answer(Outcome.TAKEN, reason, n_rejected)
    said = parse_status(body) or body.decode(errors="replace")
    reason = f"it answered {status}: {said[:_REASON_CHARACTERS]}"
    if status >= http.client.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return Answer(Outcome.AWAY, reason, retry_after_s=seconds)
    return Answer(Outcome.REFUSED, reason)
