"""The last heartbeat of each node, kept over a restart."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.telemetry.attributes import AttributeReader
from components.telemetry.errors import EventError
from components.telemetry.events import heartbeat_attributes, heartbeat_from_attributes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from components.telemetry.attributes import Attributes, AttributeValue
    from components.telemetry.heartbeat import Heartbeat

_LOG = logging.getLogger(__name__)
NODES = "hub/nodes.json"
"""Where a home keeps the last heartbeats."""
_SAVE_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class NodeState:
    """What was last heard of a node."""

    heartbeat: Heartbeat
    received: datetime
    """UTC, by the hub's clock."""

    def age_s(self, now: datetime) -> float:
        """Seconds since the heartbeat came."""
        return max((now - self.received).total_seconds(), 0.0)


class NodeBook:
    """Last heartbeats by node; safe for many threads.

    Memory is the truth; the file follows within about a second and at `save`. A file that cannot
    be written is reported and does not stop anything.
    """

    def __init__(self, file: Path, *, max_nodes: int) -> None:
        self._file = file
        self._max_nodes = max_nodes
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._saved_at_s = 0.0
        self._nodes = {state.heartbeat.node: state for state in _load(file)}

    def heard(self, heartbeats: Iterable[Heartbeat], now: datetime) -> None:
        """Take note of heartbeats that came just now."""
        with self._lock:
            for heartbeat in heartbeats:
                self._nodes[heartbeat.node] = NodeState(heartbeat, now)
            while len(self._nodes) > self._max_nodes:
                del self._nodes[min(self._nodes, key=lambda name: self._nodes[name].received)]
            is_due = time.monotonic() >= self._saved_at_s + _SAVE_EVERY_S
            if is_due:
                self._saved_at_s = time.monotonic()
        if is_due:
            self.save()

    def nodes(self) -> tuple[NodeState, ...]:
        """All nodes ever heard of, by name."""
        with self._lock:
            return tuple(self._nodes[name] for name in sorted(self._nodes))

    def save(self) -> None:
        """Write the file now."""
        text = nodes_to_json(self.nodes(), datetime.now(UTC))
        with self._saving:
            try:
                replace_file(self._file, text)
            except OSError as error:
                _LOG.warning("the last heartbeats are not kept in %s: %s", self._file, error)


def nodes_to_json(nodes: Iterable[NodeState], now: datetime) -> str:
    """Write nodes with the age of what they said; the answer of `GET /nodes`."""
    rows = [
        {
            "node": state.heartbeat.node,
            "received": state.received.isoformat(),
            "age_s": round(state.age_s(now), 3),
            "heartbeat": heartbeat_attributes(state.heartbeat),
        }
        for state in nodes
    ]
    return json.dumps({"now": now.isoformat(), "nodes": rows})


def nodes_from_json(text: str | bytes) -> tuple[NodeState, ...]:
    """Read what `nodes_to_json` wrote; ages count on by `received`.

    Raises:
        EventError: it is no such text.
    """
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(f"it is no JSON: {error}") from error
    table = _value(parsed)
    if not isinstance(table, dict):
        raise _bad("it is no object")
    return tuple(_state(row) for row in AttributeReader("nodes", table).nested_list("nodes"))


def _state(row: AttributeReader) -> NodeState:
    return NodeState(
        heartbeat=heartbeat_from_attributes(row.nested("heartbeat").attributes),
        received=row.instant("received"),
    )


def _value(parsed: object) -> AttributeValue:
    if isinstance(parsed, (str, int, float, bool)):
        return parsed
    if isinstance(parsed, list):
        return tuple(_value(item) for item in parsed)
    if isinstance(parsed, dict):
        table: Attributes = {str(key): _value(value) for key, value in parsed.items()}
        return table
    raise _bad("it holds a null")


def _load(file: Path) -> tuple[NodeState, ...]:
    try:
        return nodes_from_json(file.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, EventError) as error:
        aside = file.with_name(f"{file.name}.damaged")
        _LOG.warning("the last heartbeats are forgotten, see %s: %s", aside, error)
        if file.is_file():
            file.replace(aside)
        return ()


def _bad(found: str) -> EventError:
    return EventError("asked for the last heartbeats of all nodes", found, "ask a hub for /nodes")
