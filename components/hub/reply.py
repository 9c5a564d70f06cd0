"""What the hub answers, before it becomes HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: HTTPStatus
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def text_reply(status: HTTPStatus, text: str, **headers: str) -> Reply:
    """Answer in one line of plain text; underscores in the names of headers become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, TEXT, f"{text}\n".encode(), named)


def unknown_caller() -> Reply:
    """Ask for the login; a browser then asks the person."""
    return text_reply(
        HTTPStatus.UNAUTHORIZED,
        "this hub asks for a login: USER:PASSWORD in a file, named as hub_login_file, on a node by "
        "--hub-login-file",
        WWW_Authenticate='Basic realm="joulepilot hub", charset="UTF-8"',
        Cache_Control="no-store",
    )


def not_found(path: str) -> Reply:
    """Say that there is nothing, and what there is."""
    return text_reply(
        HTTPStatus.NOT_FOUND,
        f"asked for {path[:200]!r}; there is nothing; this hub serves /, /nodes, /healthz, "
        "/releases/000001.json, /bundles/DIGEST/FILE and takes POST /v1/logs",
        Cache_Control="no-store",
    )
