"""OTLP bodies in: protobuf or JSON, plain or gzip, to events."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import TYPE_CHECKING

from components.telemetry.errors import EventError, EventSizeError, EventTypeError
from components.telemetry.otlp_json import events_of_json
from components.telemetry.otlp_protobuf import events_of_protobuf

if TYPE_CHECKING:
    from components.telemetry.events import Event

MAX_DECODED_BYTES = 8 * 1024 * 1024
"""Largest body after decompression that is read; our publisher's are below 2 MiB."""


class MediaType(StrEnum):
    """What an OTLP body is written in."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def media_type(content_type: str) -> MediaType:
    """Read the Content-Type of a request.

    Raises:
        EventTypeError: it is neither of the two of OTLP/HTTP.
    """
    try:
        return MediaType(content_type.partition(";")[0].strip().lower())
    except ValueError as error:
        raise EventTypeError(
            "asked to read an OTLP body",
            f"its Content-Type is {content_type!r}",
            f"send {MediaType.PROTOBUF} or {MediaType.JSON}",
        ) from error


def decode_events(
    body: bytes,
    content_type: str,
    content_encoding: str | None = None,
    *,
    max_bytes: int = MAX_DECODED_BYTES,
) -> tuple[Event, ...]:
    """Read all events of a body, in order, whatever their names.

    Raises:
        EventTypeError: the type or encoding is not one of OTLP/HTTP.
        EventSizeError: it is larger than `max_bytes` once decompressed.
        EventError: it is damaged.
    """
    kind = media_type(content_type)
    plain = decompress(body, content_encoding, max_bytes=max_bytes)
    return events_of_json(plain) if kind is MediaType.JSON else events_of_protobuf(plain)


def decompress(body: bytes, content_encoding: str | None, *, max_bytes: int) -> bytes:
    """Undo the Content-Encoding of a body, never holding more than `max_bytes` of it.

    Raises:
        EventTypeError, EventSizeError, EventError: as for `decode_events`.
    """
    encoding = (content_encoding or "identity").strip().lower()
    if encoding not in {"gzip", "identity"}:
        raise EventTypeError(
            "asked to read an OTLP body",
            f"its Content-Encoding is {content_encoding!r}",
            "send it as gzip or plain",
        )
    plain = body if encoding == "identity" else _gunzip(body, max_bytes)
    if len(plain) > max_bytes:
        raise _too_large(max_bytes)
    return plain


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = decoder.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise _bad_gzip(str(error)) from error
    if len(plain) > max_bytes:
        raise _too_large(max_bytes)
    if not decoder.eof or decoder.unused_data:
        raise _bad_gzip("it ends too early" if not decoder.eof else "something follows its end")
    return plain


def _bad_gzip(found: str) -> EventError:
    return EventError(
        "asked to decompress an OTLP body", f"it is no whole gzip: {found}", "send it again"
    )


def _too_large(max_bytes: int) -> EventSizeError:
    return EventSizeError(
        "asked to read an OTLP body",
        f"it is larger than {max_bytes} bytes once decompressed",
        "send fewer records in one body",
    )
