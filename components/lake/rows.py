"""An event as a row of the table where it arrives, whether it can be read or not.

`row_id` names a row for good: the SHA-256 of its key (of a sample: node, job, window start). A row
that cannot be read has no key and is named by its contents.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from components.lake.schema import SCHEMAS, Table
from components.telemetry.device_measurement import (
    MEASUREMENT_EVENT,
    MEASUREMENT_FIELDS,
    measurement_from_attributes,
)
from components.telemetry.errors import EventError
from components.telemetry.events import sample_from_attributes
from components.telemetry.sample import SAMPLE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.telemetry.events import Event

Columns: TypeAlias = "dict[str, Any]"  # a row on its way into Arrow, which checks the types


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `raw`, or of `device_raw`."""

    columns: Columns
    """By name; those left out are null."""
    attributes: Columns
    """What the event said, whether it could be read or not."""
    table: Table = Table.RAW

    @property
    def row_id(self) -> str:
        """What names it."""
        return str(self.columns["row_id"])

    @property
    def content_sha256(self) -> str:
        """What it says, whatever the key."""
        return str(self.columns["content_sha256"])

    @property
    def window_start(self) -> datetime | None:
        """Start of a sample's window; None where it could not be read."""
        start = self.columns.get("window_start")
        return start if isinstance(start, datetime) else None

    @property
    def is_readable(self) -> bool:
        """Whether it is a sample, or a measurement."""
        return self.columns.get("decode_error") is None

    def beside_its_key(self) -> Row:
        """Name it apart from the row that has its key already and says something else."""
        row_id = _sha256([self.row_id, self.content_sha256])
        return replace(self, columns={**self.columns, "row_id": row_id})


def row_of(event: Event, body_sha256: str, ingested_at: datetime) -> Row:
    """Lay an event out as a row; one that cannot be read keeps its attributes and the reason."""
    arrival: Columns = {
        "body_sha256": body_sha256,
        "event_time": event.observed_time or event.time,
        "ingested_at": ingested_at,
        "content_sha256": _sha256(event.attributes),
    }
    is_device = event.name == MEASUREMENT_EVENT
    table = Table.DEVICE_RAW if is_device else Table.RAW
    try:
        read = _measurement(event) if is_device else _sample(event)
    except EventError as error:
        return _unreadable(arrival, dict(event.attributes), str(error), table)
    return Row({**read, **arrival}, dict(event.attributes), table)


def row_of_damaged_body(body_sha256: str, reason: str, ingested_at: datetime) -> Row:
    """Stand in for the rows of a body that could not be read."""
    arrival: Columns = {
        "body_sha256": body_sha256,
        "ingested_at": ingested_at,
        "content_sha256": body_sha256,
    }
    return _unreadable(arrival, {}, reason, Table.RAW)


def table_of(rows: Sequence[Row], table: Table = Table.RAW) -> pa.Table:
    """Lay rows of one table out as Arrow."""
    return pa.Table.from_pylist([row.columns for row in rows], schema=SCHEMAS[table])


def fitting(rows: Sequence[Row], table: Table = Table.RAW) -> list[Row]:
    """Refuse rows that no table can hold: a number above 64 bits, half a character."""
    try:
        table_of(rows, table)
    except _NO_FIT:
        return [_fitting(row) for row in rows]
    return list(rows)


def _sample(event: Event) -> Columns:
    sample = sample_from_attributes(event.attributes)
    start = sample.window_start.astimezone(UTC)
    key = [sample.node, sample.job, start.isoformat(timespec="microseconds")]
    values = {name: getattr(sample, name) for name in SAMPLE_FIELDS}
    return {**values, "window_start": start, "row_id": _sha256(key)}


def _measurement(event: Event) -> Columns:
    measurement = measurement_from_attributes(event.attributes)
    values = {name: getattr(measurement, name) for name in MEASUREMENT_FIELDS}
    moment = measurement.measured_at.astimezone(UTC)
    return {**values, "measured_at": moment, "row_id": _sha256(list(measurement.key))}


def _unreadable(arrival: Columns, attributes: Columns, reason: str, table: Table) -> Row:
    named = ("node", "job") if table is Table.RAW else ("node", "recording", "device")
    names = {name: _plain(attributes.get(name)) for name in named}
    return Row(
        {
            **names,
            **arrival,
            "row_id": arrival["content_sha256"],
            "decode_error": _plain(reason),
            "attributes": _json(attributes),
        },
        attributes,
        table,
    )


def _fitting(row: Row) -> Row:
    try:
        table_of([row], row.table)
    except _NO_FIT as error:
        arrival = {name: row.columns.get(name) for name in _ARRIVAL}
        reason = f"a value does not fit its column: {error}"
        return _unreadable(arrival, row.attributes, reason, row.table)
    return row


_NO_FIT = (pa.ArrowException, OverflowError, UnicodeError)
_ARRIVAL = ("body_sha256", "event_time", "ingested_at", "content_sha256")


def _plain(value: object) -> str | None:
    """Text that any column can hold; None for what is no text."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else None


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _sha256(value: object) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()
