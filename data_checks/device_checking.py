"""Rows of `device_raw` that nobody judged go to `device_measurements`, or to `device_quarantine`.

As with samples, masks decide row by row and Great Expectations must find the same rows. A check
that is killed is taken up by the next one: rows it settled stay settled.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from components.lake.schema import SCHEMAS, TIME, Table
from components.telemetry.device_measurement import MEASUREMENT_FIELDS
from data_checks.device_measures import CONTEXT_COLUMNS, measure_devices
from data_checks.device_rules import device_rules
from data_checks.expectations import expect
from data_checks.judgement import bad_rows, found
from data_checks.past import verdict_on_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from components.lake.lake import Lake
    from components.telemetry.device_measurement import DeviceMeasurement
    from data_checks.report import ExpectationVerdict
    from data_checks.rule import Rule

_log = logging.getLogger(__name__)
OBSERVED = ("latency_ms", "batch_size")


@dataclass(frozen=True, slots=True)
class DeviceCheck:
    """What one check of device measurements found.

    Attributes:
        reasons: rows by code of the rule they break, the most frequent first.
        findings: one sentence for each reason, of the first row that has it.
        verdict: whether what arrived is good enough to go on; `verdict_reason` why.
        expectations: what Great Expectations says of the whole table.
        disagreements: rules for which masks and expectations found different rows; none is right.
    """

    n_checked: int
    n_passed: int
    n_quarantined: int
    reasons: Mapping[str, int]
    findings: Mapping[str, str]
    verdict: bool
    verdict_reason: str
    expectations: tuple[ExpectationVerdict, ...] = ()
    disagreements: tuple[str, ...] = ()


def check_devices(lake: Lake, *, max_bad_share: float = 0.2) -> DeviceCheck:
    """Judge every device measurement that is not judged yet.

    Args:
        lake: where rows come from and go to.
        max_bad_share: share of bad rows, in [0, 1], up to which the verdict is good.

    Raises:
        LakeError: a table is damaged or cannot be written.
        LakeBusyError: another ingest or check does not end.
    """
    if lake.version(Table.DEVICE_RAW) is None:
        return _nothing_new()
    with lake.one_writer():
        rows, context = _unjudged(lake)
        if not len(rows):
            return _nothing_new()
        return _judged(lake, rows, context, max_bad_share)


def reasons_against(measurements: Sequence[DeviceMeasurement]) -> list[tuple[str, ...]]:
    """The rules each measurement breaks, by the same masks, without any lake."""
    fields = ({name: getattr(each, name) for name in MEASUREMENT_FIELDS} for each in measurements)
    schema = SCHEMAS[Table.DEVICE_RAW]
    rows = pa.Table.from_pylist(list(fields), schema=schema)
    figures = measure_devices(rows, schema.empty_table().select(CONTEXT_COLUMNS))
    bad = bad_rows(figures, device_rules())
    return [tuple(code for code, mask in bad.items() if mask[i]) for i in range(len(rows))]


def _judged(lake: Lake, rows: pa.Table, context: pa.Table, max_bad_share: float) -> DeviceCheck:
    every_rule = device_rules()
    figures = measure_devices(rows, context)
    bad = bad_rows(figures, every_rule)
    seen = expect(figures, every_rule, observed=OBSERVED)
    is_bad = np.any(list(bad.values()), axis=0)
    findings = _settle(lake, rows, figures, bad, is_bad, every_rule)
    lake.compact(Table.DEVICE_MEASUREMENTS, Table.DEVICE_QUARANTINE)
    n_bad = int(is_bad.sum())
    verdict = verdict_on_rows(len(rows), n_bad, max_bad_share)
    differing = tuple(
        f"{code}: masks and Great Expectations find different rows"
        for code, mask in bad.items()
        if seen.judged_rows.intersection(np.flatnonzero(mask).tolist()) != seen.bad_rows[code]
    )
    troubles = (*(e.error for e in seen.expectations if e.error is not None), *differing)
    for line in troubles:
        _log.error("%s", line)
    counts = Counter({code: int(mask.sum()) for code, mask in bad.items() if mask.any()})
    return DeviceCheck(
        n_checked=len(rows),
        n_passed=len(rows) - n_bad,
        n_quarantined=n_bad,
        reasons=dict(counts.most_common()),
        findings=findings,
        verdict=verdict.is_good and not troubles,
        verdict_reason=troubles[0] if troubles else verdict.reason,
        expectations=seen.expectations,
        disagreements=differing,
    )


def _nothing_new() -> DeviceCheck:
    return DeviceCheck(0, 0, 0, {}, {}, verdict=True, verdict_reason="nothing is new")


def _unjudged(lake: Lake) -> tuple[pa.Table, pa.Table]:
    """Rows that are in neither table, and the settled ones of the same recordings."""
    settled: list[str] = []
    for table in (Table.DEVICE_MEASUREMENTS, Table.DEVICE_QUARANTINE):
        settled += lake.read(table, columns=["row_id"])["row_id"].to_pylist()
    arrived = lake.read(Table.DEVICE_RAW)
    is_settled = pc.is_in(arrived["row_id"], value_set=pa.array(settled, pa.string()))
    rows = arrived.filter(pc.invert(is_settled)).sort_by("ingested_at")
    recordings = rows["recording"].unique().drop_null()
    context = lake.read(
        Table.DEVICE_MEASUREMENTS,
        columns=list(CONTEXT_COLUMNS),
        where=ds.field("recording").isin(recordings),
    )
    return rows, context


def _settle(
    lake: Lake,
    rows: pa.Table,
    figures: pd.DataFrame,
    bad: Mapping[str, NDArray[np.bool_]],
    is_bad: NDArray[np.bool_],
    rules: Sequence[Rule],
) -> Mapping[str, str]:
    """Write each row where it belongs; says a finding for each reason."""
    version, now = lake.version(Table.DEVICE_RAW), datetime.now(UTC)
    facts = {"joulepilot": "check", "raw_version": str(version)}
    stamp = {
        "checked_at": pa.array([now] * len(rows), TIME),
        "checked_raw_version": pa.array([version] * len(rows), pa.int64()),
    }
    for name, values in stamp.items():
        rows = rows.append_column(name, values)
    good = rows.filter(pa.array(~is_bad)).select(SCHEMAS[Table.DEVICE_MEASUREMENTS].names)
    if len(good):
        lake.append(Table.DEVICE_MEASUREMENTS, good, facts)
    poor = rows.filter(pa.array(is_bad))
    if not len(poor):
        return {}
    reasons, sentences = _explained(poor, figures, bad, np.flatnonzero(is_bad), rules)
    texts = pa.list_(pa.string())
    poor = poor.append_column("reasons", pa.array(reasons, texts))
    poor = poor.append_column("findings", pa.array(sentences, texts))
    lake.append(Table.DEVICE_QUARANTINE, poor.select(SCHEMAS[Table.DEVICE_QUARANTINE].names), facts)
    examples: dict[str, str] = {}
    for codes, told in zip(reasons, sentences, strict=True):
        for code, sentence in zip(codes, told, strict=True):
            examples.setdefault(code, sentence)
    return examples


def _explained(
    poor: pa.Table,
    figures: pd.DataFrame,
    bad: Mapping[str, NDArray[np.bool_]],
    at: NDArray[np.intp],
    rules: Sequence[Rule],
) -> tuple[list[list[str]], list[list[str]]]:
    measured = figures.to_dict("list")
    reasons, sentences = [], []
    for index, row in zip(at, poor.to_pylist(), strict=True):
        broken = [rule for rule in rules if bad[rule.code][index]]
        seen = {**{name: values[index] for name, values in measured.items()}, **row}
        reasons.append([rule.code for rule in broken])
        sentences.append([found(seen, rule) for rule in broken])
    return reasons, sentences
