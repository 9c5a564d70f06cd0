"""The release log and the bundles, as files a node may read."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from components.hub.reply import BYTES, JSON, Reply, not_found, text_reply

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 32 * 1024 * 1024
_ENTRY = re.compile(r"/releases/(\d{6}\.json)", re.ASCII)
_BUNDLE_FILE = re.compile(r"/bundles/([0-9a-f]{64})/([A-Za-z0-9][A-Za-z0-9._-]{0,99})", re.ASCII)


class ServedFiles:
    """Files of a home that are named by rule; no other path can be asked for.

    Paths are matched as they came, without undoing %-escapes, and a link that leads out of its
    folder is not followed.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def get(self, path: str, known_etag: str | None) -> Reply:
        """Answer with a file, with 304 when the asker has it, or with 404."""
        if entry := _ENTRY.fullmatch(path):
            return self._reply(path, "releases", entry[1], known_etag)
        if bundle := _BUNDLE_FILE.fullmatch(path):
            return self._reply(path, "bundles", f"{bundle[1]}/{bundle[2]}", known_etag)
        return not_found(path)

    def latest_release(self) -> int | None:
        """Number of the newest entry of the log; None before the first."""
        names = (path.name for path in (self._home / "releases").glob("*.json"))
        return max((int(n[:6]) for n in names if _ENTRY.fullmatch(f"/releases/{n}")), default=None)

    def _reply(self, path: str, folder: str, name: str, known_etag: str | None) -> Reply:
        root = (self._home / folder).resolve()
        file = (root / name).resolve()
        if not (file.is_relative_to(root) and file.is_file()):
            return not_found(path)
        if file.stat().st_size > MAX_FILE_BYTES:
            return text_reply(
                HTTPStatus.INTERNAL_SERVER_ERROR, f"{name} is larger than {MAX_FILE_BYTES} bytes"
            )
        body = file.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        content_type = JSON if name.endswith(".json") else BYTES
        if known_etag is not None and etag in known_etag.replace("W/", "").split(", "):
            return Reply(HTTPStatus.NOT_MODIFIED, content_type, b"", headers)
        return Reply(HTTPStatus.OK, content_type, body, headers)
