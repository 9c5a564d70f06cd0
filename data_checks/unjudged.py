"""Which rows of `raw` nobody judged yet, and the settled rows around them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from components.lake.schema import SCHEMAS, Table
from components.telemetry.sample import Origin
from data_checks.measures import HISTORY_COLUMNS

if TYPE_CHECKING:
    from components.lake.lake import Lake
    from data_checks.limits import Limits


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What a check is about."""

    raw_version: int | None
    """None while nothing was ever ingested."""
    rows: pa.Table
    """Of `raw`, in the order they were ingested."""
    context: pa.Table
    """Settled rows of the same nodes around that time (HISTORY_COLUMNS)."""


def unjudged(lake: Lake, limits: Limits) -> Unjudged:
    """Find rows that are neither in `samples` nor in `quarantine`.

    Raises:
        LakeError: a table is damaged.
    """
    version = lake.version(Table.RAW)
    settled = _row_ids(lake, Table.SAMPLES) + _row_ids(lake, Table.QUARANTINE)
    arrived = lake.read(Table.RAW, version=version, columns=["row_id", "ingested_at"])
    new = arrived.filter(_not_among(arrived, settled))
    if not len(new):
        nothing = SCHEMAS[Table.RAW].empty_table()
        return Unjudged(version, nothing, nothing.select(HISTORY_COLUMNS))
    since = ds.field("ingested_at") >= pc.min(new["ingested_at"])
    late = lake.read(Table.RAW, version=version, where=since)
    rows = late.filter(_not_among(late, settled)).sort_by("ingested_at")
    return Unjudged(version, rows, _context(lake, version, rows, limits))


def _row_ids(lake: Lake, table: Table) -> list[str]:
    ids: list[str] = lake.read(table, columns=["row_id"])["row_id"].to_pylist()
    return ids


def _not_among(rows: pa.Table, row_ids: list[str]) -> pa.ChunkedArray:
    return pc.invert(pc.is_in(rows["row_id"], value_set=pa.array(row_ids, pa.string())))


def _context(lake: Lake, version: int | None, rows: pa.Table, limits: Limits) -> pa.Table:
    """Settled rows of the same nodes; times far from the event's own do not widen the view."""
    reach = timedelta(seconds=limits.max_age_s + limits.max_window_s)
    apart = pc.abs(pc.subtract(rows["event_time"], rows["window_start"]).cast(pa.int64()))
    near = pc.less_equal(apart, int(reach.total_seconds() * 1e6))
    near = pc.or_kleene(near, pc.equal(rows["origin"], Origin.SIMULATED.value))
    starts = rows.filter(pc.fill_null(near, fill_value=False))["window_start"].drop_null()
    if not len(starts):
        return SCHEMAS[Table.RAW].empty_table().select(HISTORY_COLUMNS)
    span, start = pc.min_max(starts).as_py(), ds.field("window_start")
    where = (
        (start >= span["min"] - timedelta(seconds=limits.context_s))
        & (start <= span["max"])
        & ds.field("node").isin(rows["node"].unique().drop_null())
        & ds.field("decode_error").is_null()
    )
    around = lake.read(Table.RAW, version=version, columns=HISTORY_COLUMNS, where=where)
    return around.filter(_not_among(around, rows["row_id"].to_pylist()))
