"""What is answered to which request, without HTTP's own matters."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from components.hub.errors import SpoolError
from components.hub.nodes import nodes_to_json
from components.hub.page import status_page
from components.hub.reply import HTML, JSON, Reply, not_found, text_reply
from components.telemetry.errors import EventError, EventSizeError, EventTypeError
from components.telemetry.otlp_in import MediaType, media_type
from components.telemetry.wire import (
    INVALID_ARGUMENT,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    response_bytes,
    status_bytes,
)

if TYPE_CHECKING:
    from components.errors import JoulepilotError
    from components.hub.intake import Intake, Receipt
    from components.hub.nodes import NodeBook
    from components.hub.served_files import ServedFiles

_LOG = logging.getLogger(__name__)
HEALTH = "/healthz"
"""Answered to everyone, also where the hub asks for a login."""
_EVENTS_PATH = "/v1/logs"
_RETRY_AFTER_S = 5
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}


class Routes:
    """All paths of the hub."""

    def __init__(self, intake: Intake, nodes: NodeBook, files: ServedFiles) -> None:
        self._intake = intake
        self._nodes = nodes
        self._files = files

    def get(self, path: str, known_etag: str | None) -> Reply:
        """Answer a GET or HEAD."""
        now = datetime.now(UTC)
        match path:
            case "/":
                page = status_page(self._nodes.nodes(), self._files.latest_release(), now)
                return Reply(HTTPStatus.OK, HTML, page.encode(), _PAGE_HEADERS)
            case "/nodes":
                body = nodes_to_json(self._nodes.nodes(), now).encode()
                return Reply(HTTPStatus.OK, JSON, body, {"Cache-Control": "no-store"})
            case _ if path == HEALTH:
                return text_reply(HTTPStatus.OK, "ok", Cache_Control="no-store")
            case "/v1/logs":
                return text_reply(
                    HTTPStatus.METHOD_NOT_ALLOWED, f"POST events to {_EVENTS_PATH}", Allow="POST"
                )
            case _:
                return self._files.get(path, known_etag)

    def takes(self, path: str) -> bool:
        """Whether something may be posted to a path."""
        return path == _EVENTS_PATH

    def post(
        self, path: str, body: bytes, content_type: str, content_encoding: str | None
    ) -> Reply:
        """Answer a POST; with 200 what was sent is safe on disk, with anything else it is not."""
        if not self.takes(path):
            return not_found(path)
        try:
            receipt = self._intake.take(body, content_type, content_encoding)
        except EventTypeError as error:
            return text_reply(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error))
        except EventSizeError as error:
            return too_large(error, content_type)
        except EventError as error:
            return _failed(HTTPStatus.BAD_REQUEST, INVALID_ARGUMENT, error, content_type)
        except SpoolError as error:
            _LOG.error("%s", error)  # the three parts say it all
            reply = _failed(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE, error, content_type)
            return Reply(
                reply.status, reply.content_type, reply.body, {"Retry-After": str(_RETRY_AFTER_S)}
            )
        return _taken(receipt, content_type)


def too_large(error: EventSizeError, content_type: str) -> Reply:
    """Answer to a body that is larger than the hub takes."""
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return _failed(status, RESOURCE_EXHAUSTED, error, content_type)


def _taken(receipt: Receipt, content_type: str) -> Reply:
    if receipt.n_rejected:
        _LOG.warning("rejected %d events: %s", receipt.n_rejected, receipt.reason)
    if media_type(content_type) is MediaType.PROTOBUF:
        body = response_bytes(receipt.n_rejected, receipt.reason)
        return Reply(HTTPStatus.OK, MediaType.PROTOBUF.value, body)
    rejected = {"rejectedLogRecords": str(receipt.n_rejected), "errorMessage": receipt.reason}
    answer = {"partialSuccess": rejected} if receipt.n_rejected else {}
    return Reply(HTTPStatus.OK, JSON, json.dumps(answer).encode())


def _failed(status: HTTPStatus, code: int, error: JoulepilotError, content_type: str) -> Reply:
    """Answer in the language of the request, as OTLP/HTTP wants it."""
    _LOG.info("answered %d: %s", status, error)
    try:
        kind = media_type(content_type)
    except EventTypeError:
        return text_reply(status, str(error))
    if kind is MediaType.PROTOBUF:
        return Reply(status, kind.value, status_bytes(code, str(error)))
    return Reply(status, JSON, json.dumps({"code": code, "message": str(error)}).encode())
