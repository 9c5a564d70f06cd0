"""What becomes of a body that a node sent."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.telemetry.device_measurement import MEASUREMENT_EVENT
from components.telemetry.errors import EventError
from components.telemetry.events import KNOWN_EVENTS, heartbeat_from_attributes
from components.telemetry.otlp_in import decode_events
from components.telemetry.sample import HEARTBEAT_EVENT, SAMPLE_EVENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.hub.nodes import NodeBook
    from components.hub.spool import Spool
    from components.telemetry.events import Event
    from components.telemetry.heartbeat import Heartbeat

_REASONS_SHOWN = 3
_SPOOLED = frozenset({SAMPLE_EVENT, MEASUREMENT_EVENT})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was taken of a body, once it is safe on disk."""

    n_samples: int
    n_heartbeats: int
    n_rejected: int = 0
    reason: str = ""
    """Why some were rejected."""


class Intake:
    """Spools bodies that hold samples or device measurements, as received; notes heartbeats.

    Whether a sample keeps its contract is for `ingest` and `check` to say: here it is only kept.
    """

    def __init__(self, spool: Spool, nodes: NodeBook, *, max_decoded_bytes: int) -> None:
        self._spool = spool
        self._nodes = nodes
        self._max_decoded_bytes = max_decoded_bytes
        self._decoding = threading.Lock()

    def take(self, body: bytes, content_type: str, content_encoding: str | None) -> Receipt:
        """Keep what a body holds.

        Raises:
            EventTypeError: it is of a type or encoding we do not read.
            EventSizeError: it is too large once decompressed.
            EventError: it is damaged, or holds nothing for us; nothing is kept.
            SpoolError: it cannot be kept now; nothing is kept.
        """
        with self._decoding:  # 8 MiB made to hurt take half a GiB: never two of them at once
            events = decode_events(
                body, content_type, content_encoding, max_bytes=self._max_decoded_bytes
            )
        heartbeats, reasons = _heartbeats(events)
        reasons += [
            _stranger(event) for event in events if event.name not in KNOWN_EVENTS | _SPOOLED
        ]
        if events and len(reasons) == len(events):
            raise EventError(
                f"asked to take {len(events)} events",
                f"none is one of ours: {_summary(reasons)}",
                f"send {SAMPLE_EVENT} and {HEARTBEAT_EVENT}; other logs belong elsewhere",
            )
        n_samples = sum(event.name == SAMPLE_EVENT for event in events)
        if any(event.name in _SPOOLED for event in events):
            self._spool.put(body, content_type, content_encoding)
        if heartbeats:
            self._nodes.heard(heartbeats, datetime.now(UTC))
        return Receipt(n_samples, len(heartbeats), len(reasons), _summary(reasons))


def _heartbeats(events: Sequence[Event]) -> tuple[list[Heartbeat], list[str]]:
    """Heartbeats, and why others are none."""
    heartbeats, reasons = [], []
    for event in events:
        if event.name == HEARTBEAT_EVENT:
            try:
                heartbeats.append(heartbeat_from_attributes(event.attributes))
            except EventError as error:
                reasons.append(str(error))
    return heartbeats, reasons


def _stranger(event: Event) -> str:
    return f"event {event.name[:60]!r} is not known" if event.name else "a record has no event name"


def _summary(reasons: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(reasons))
    more = len(distinct) - _REASONS_SHOWN
    return "; ".join(distinct[:_REASONS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
