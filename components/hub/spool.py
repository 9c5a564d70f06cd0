"""The spool: bodies as they were received, safe on disk before anyone is told so.

    spool/
    ├── incoming/    being written; what is left here after a crash was never acknowledged
    ├── pending/     received, to be ingested
    ├── done/DAY/    ingested, kept so that every row stays traceable to its body
    └── rejected/    set aside, each with a file that says why

A body is one file `NANOSECONDS-SHA256.KIND`: the name gives order, digest, type and encoding.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.durable_file import sync_folder
from components.hub.errors import BodyError, SpoolError
from components.telemetry.errors import EventTypeError
from components.telemetry.otlp_in import MediaType, media_type

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIN_FREE_BYTES = 64 * 1024 * 1024
"""Space that is left on the disk for everyone else."""

_NAME = re.compile(r"(\d{20})-([0-9a-f]{64})\.(pb|json)(\.gz)?")
_SUFFIX = {MediaType.PROTOBUF: "pb", MediaType.JSON: "json"}
_TYPE = {suffix: kind for kind, suffix in _SUFFIX.items()}


@dataclass(frozen=True, slots=True, order=True)
class BodyRef:
    """One body of the spool."""

    received_ns: int
    """Nanoseconds since the epoch, by the hub's clock; grows from body to body."""
    body_sha256: str
    """Over the bytes as received, that is compressed if they came so."""
    content_type: str
    content_encoding: str | None
    path: Path

    @property
    def received(self) -> datetime:
        """When it was received, UTC."""
        return datetime.fromtimestamp(self.received_ns / 1e9, tz=UTC)


class Spool:
    """A folder of bodies. Many threads may put; one process at a time should take away."""

    def __init__(self, folder: Path, *, min_free_bytes: int = MIN_FREE_BYTES) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._last_ns = 0
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def put(self, body: bytes, content_type: str, content_encoding: str | None = None) -> BodyRef:
        """Write a body and return once it would survive a power cut.

        Raises:
            SpoolError: it could not be written (disk full, no permission); nothing is kept.
            EventTypeError: the type or encoding has no place here.
        """
        digest = hashlib.sha256(body).hexdigest()
        name = f"{self._next_ns():020d}-{digest}.{_kind(content_type, content_encoding)}"
        incoming = self._folder / "incoming" / f"{os.getpid()}-{next(self._numbers)}.part"
        final = self._folder / "pending" / name
        try:
            self._ensure_room(len(body))
            _write_durably(incoming, body)
            incoming.rename(final)
            sync_folder(final.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                incoming.unlink()
            raise SpoolError(
                f"asked to keep a body of {len(body)} bytes in {self._folder}",
                f"writing failed: {error}",
                "free space or give permission; senders keep theirs and try again",
            ) from error
        return _ref(final)

    def pending(self) -> tuple[BodyRef, ...]:
        """List bodies that wait to be ingested, in the order they were received."""
        return tuple(sorted(_refs(self._folder / "pending")))

    def read(self, ref: BodyRef) -> bytes:
        """Read a body as it was received.

        Raises:
            BodyError: it is gone, or its bytes are not those that were put.
        """
        try:
            body = ref.path.read_bytes()
        except OSError as error:
            raise _damaged(ref, f"reading failed: {error}") from error
        if hashlib.sha256(body).hexdigest() != ref.body_sha256:
            raise _damaged(ref, "its bytes have another SHA-256 than its name")
        return body

    def done(self, ref: BodyRef) -> BodyRef:
        """Move a body to where ingested ones are kept; once more does nothing.

        Raises:
            SpoolError: it could not be moved.
        """
        return self._move(ref, self._folder / "done" / ref.received.strftime("%Y%m%d"))

    def set_aside(self, ref: BodyRef, reason: str) -> BodyRef:
        """Move a body that cannot be read to `rejected/`, with the reason beside it.

        Raises:
            SpoolError: it could not be moved.
        """
        folder = self._folder / "rejected"
        moved = self._move(ref, folder)
        try:
            (folder / f"{ref.path.name}.reason.txt").write_text(f"{reason}\n")
        except OSError as error:
            raise _unmoved(ref, error) from error
        return moved

    def find(self, body_sha256: str) -> tuple[BodyRef, ...]:
        """Find every body of a digest, wherever it is by now; the first received first."""
        folders = (self._folder / "pending", self._folder / "rejected")
        found = [ref for folder in folders for ref in _refs(folder)]
        found += [ref for day in (self._folder / "done").glob("*") for ref in _refs(day)]
        return tuple(sorted(ref for ref in found if ref.body_sha256 == body_sha256))

    def clear_incoming(self) -> int:
        """Remove what a crash left half-written (never acknowledged); for the hub's start."""
        parts = list((self._folder / "incoming").glob("*.part"))
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)

    def _next_ns(self) -> int:
        with self._lock:
            self._last_ns = max(time.time_ns(), self._last_ns + 1)
            return self._last_ns

    def _ensure_room(self, n_bytes: int) -> None:
        for name in ("incoming", "pending"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        if free < self._min_free_bytes + n_bytes:
            raise OSError(
                f"{free} bytes are free, {self._min_free_bytes} are kept free for everyone else"
            )

    def _move(self, ref: BodyRef, folder: Path) -> BodyRef:
        target = folder / ref.path.name
        if target.exists() and not ref.path.exists():
            return replace(ref, path=target)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            ref.path.rename(target)
            sync_folder(folder)
        except OSError as error:
            raise _unmoved(ref, error) from error
        return replace(ref, path=target)


def _kind(content_type: str, content_encoding: str | None) -> str:
    encoding = (content_encoding or "identity").strip().lower()
    if encoding not in {"gzip", "identity"}:
        raise EventTypeError(
            "asked to keep a body",
            f"its Content-Encoding is {content_encoding!r}",
            "send it as gzip or plain",
        )
    return _SUFFIX[media_type(content_type)] + (".gz" if encoding == "gzip" else "")


def _refs(folder: Path) -> Iterator[BodyRef]:
    for path in folder.glob("*-*.*"):
        if _NAME.fullmatch(path.name):
            yield _ref(path)


def _ref(path: Path) -> BodyRef:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise BodyError(f"asked for the body {path}", "its name is none of ours", "leave it out")
    nanoseconds, digest, suffix, gz = match.groups()
    return BodyRef(int(nanoseconds), digest, _TYPE[suffix].value, "gzip" if gz else None, path)


def _write_durably(path: Path, body: bytes) -> None:
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _damaged(ref: BodyRef, found: str) -> BodyError:
    return BodyError(
        f"asked for the body {ref.body_sha256[:12]} at {ref.path}",
        found,
        "set it aside; the node that sent it has no copy any more",
    )


def _unmoved(ref: BodyRef, error: OSError) -> SpoolError:
    return SpoolError(
        f"asked to move the body {ref.body_sha256[:12]} of the spool",
        f"it failed: {error}",
        "give permission or space; it stays where it is",
    )
