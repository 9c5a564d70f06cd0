"""From the spool into the tables `raw` and `device_raw`: nothing twice, nothing dropped.

A body leaves the spool only after its rows are committed. Whoever is killed in between leaves a
body whose rows are there already: the next ingest counts them as duplicates and goes on.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from components.hub.errors import BodyError
from components.lake.rows import Row, fitting, row_of, row_of_damaged_body, table_of
from components.lake.schema import Table
from components.telemetry.device_measurement import MEASUREMENT_EVENT
from components.telemetry.errors import EventError
from components.telemetry.otlp_in import decode_events
from components.telemetry.sample import SAMPLE_EVENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.hub.spool import BodyRef, Spool
    from components.lake.lake import Lake

_log = logging.getLogger(__name__)

BODIES_PER_COMMIT = 200
ARRIVALS = {Table.RAW: "rows", Table.DEVICE_RAW: "device rows"}
"""Tables where events arrive, and what their new rows are counted as."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest moved."""

    n_bodies: int
    n_events: int
    """Of all names; only samples and device measurements become rows."""
    n_rows: int
    """Rows added to `raw`, those that could not be read included."""
    n_duplicates: int
    """Samples and measurements that were there already, word for word."""
    n_undecodable: int
    """Rows added that cannot be read; the checks put them into quarantine."""
    lake_version: int | None
    """Of `raw`, afterwards; None while nothing was ever ingested."""
    n_device_rows: int = 0
    """Rows added to `device_raw`, those that could not be read included."""


def ingest(spool: Spool, lake: Lake) -> IngestReport:
    """Move what every pending body holds into its table; may be killed and run again at any time.

    A body that cannot be read becomes one row with the reason, and is set aside in the spool.

    Raises:
        LakeError: `raw` is damaged or cannot be written; the bodies stay pending.
        LakeBusyError: another ingest or check does not end.
        SpoolError: a body could not be moved; its rows are safe.
    """
    if not spool.pending():
        return IngestReport(0, 0, 0, 0, 0, lake.version(Table.RAW))
    with lake.one_writer():
        pending = spool.pending()  # once more: another ingest may have moved them meanwhile
        moved = Counter[str]()
        for first in range(0, len(pending), BODIES_PER_COMMIT):
            moved += _move(spool, lake, pending[first : first + BODIES_PER_COMMIT])
        lake.compact(*ARRIVALS)
    report = IngestReport(
        n_bodies=len(pending),
        n_events=moved["events"],
        n_rows=moved["rows"],
        n_duplicates=moved["duplicates"],
        n_undecodable=moved["undecodable"],
        lake_version=lake.version(Table.RAW),
        n_device_rows=moved["device rows"],
    )
    _log.info("ingested %s", report)
    return report


@dataclass(frozen=True, slots=True)
class _Body:
    ref: BodyRef
    rows: tuple[Row, ...]
    n_events: int
    damage: str | None = None


def _move(spool: Spool, lake: Lake, refs: Sequence[BodyRef]) -> Counter[str]:
    now = datetime.now(UTC)
    bodies = [_read(spool, ref, now) for ref in refs]
    moved = Counter[str](events=sum(body.n_events for body in bodies))
    for table, counted_as in ARRIVALS.items():
        arrived = fitting([r for body in bodies for r in body.rows if r.table is table], table)
        new = _not_yet_there(lake, table, arrived)
        if new:
            facts = {"joulepilot": "ingest", "bodies": str(len(bodies))}
            lake.append(table, table_of(new, table), facts)
        moved[counted_as] += len(new)
        moved["duplicates"] += len(arrived) - len(new)
        moved["undecodable"] += sum(not row.is_readable for row in new)
    for body in bodies:
        if body.damage is None:
            spool.done(body.ref)
        else:
            spool.set_aside(body.ref, body.damage)
    return moved


def _read(spool: Spool, ref: BodyRef, now: datetime) -> _Body:
    try:
        body = spool.read(ref)
        events = decode_events(body, ref.content_type, ref.content_encoding)
    except (BodyError, EventError) as error:
        _log.warning("body %s is set aside: %s", ref.body_sha256, error)
        row = row_of_damaged_body(ref.body_sha256, str(error), now)
        return _Body(ref, (row,), n_events=0, damage=str(error))
    kept = [event for event in events if event.name in (SAMPLE_EVENT, MEASUREMENT_EVENT)]
    rows = tuple(row_of(event, ref.body_sha256, now) for event in kept)
    return _Body(ref, rows, n_events=len(events))


def _not_yet_there(lake: Lake, table: Table, rows: Sequence[Row]) -> list[Row]:
    """Leave out what is there word for word; keep a second saying under the same key, renamed."""
    contents = _contents_by_row_id(lake, table, rows)
    new = []
    for row in rows:
        named = row
        if contents.get(row.row_id, row.content_sha256) != row.content_sha256:
            named = row.beside_its_key()
        if named.row_id not in contents:
            contents[named.row_id] = named.content_sha256
            new.append(named)
    return new


def _contents_by_row_id(lake: Lake, table: Table, rows: Sequence[Row]) -> dict[str, str]:
    """Digests of what is in a table within the time these rows span, and of what has no time.

    The key of a device measurement has no time in it, so all of that table is looked at.
    """
    if not rows:
        return {}
    where = None
    if table is Table.RAW:
        start = ds.field("window_start")
        where = start.is_null()
        starts = [row.window_start for row in rows if row.window_start is not None]
        if starts:
            where |= (start >= min(starts)) & (start <= max(starts))
    there = lake.read(table, columns=["row_id", "content_sha256"], where=where)
    return dict(zip(there["row_id"].to_pylist(), there["content_sha256"].to_pylist(), strict=True))
