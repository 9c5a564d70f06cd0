"""Judged rows into their tables, and reading back what became of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from components.lake.schema import SCHEMAS, TIME, Table
from data_checks.judgement import found
from data_checks.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import pandas as pd
    from numpy.typing import NDArray

    from components.lake.lake import Lake
    from data_checks.limits import Limits
    from data_checks.rule import Rule

_Row: TypeAlias = "Mapping[str, Any]"  # as Arrow gives it
_EXAMPLES_PER_REASON = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with the rules each breaks."""

    rows: pa.Table
    figures: pd.DataFrame
    bad: Mapping[str, NDArray[np.bool_]]
    """By code of a rule; shape (rows,)."""
    raw_version: int
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of rows, read back from the tables."""

    n_passed: int
    n_quarantined: int
    reasons: Mapping[str, int]
    bodies: Mapping[str, int]
    findings: tuple[Finding, ...]


def settle(lake: Lake, judged: Judged, rules: Sequence[Rule], limits: Limits) -> None:
    """Write each row where it belongs.

    Raises:
        LakeError: a table is damaged or cannot be written.
    """
    is_bad = np.any(list(judged.bad.values()), axis=0)
    facts = {"joulepilot": "check", "raw_version": str(judged.raw_version)}
    good = judged.rows.filter(pa.array(~is_bad))
    if len(good):
        contended = pc.fill_null(good["contended"], fill_value=False)
        weights = pc.if_else(contended, limits.contended_weight, 1.0)
        lake.append(Table.SAMPLES, _finish(Table.SAMPLES, good, judged, {"weight": weights}), facts)
    poor = judged.rows.filter(pa.array(is_bad))
    if len(poor):
        reasons, findings = _explain(judged, np.flatnonzero(is_bad), rules)
        texts = pa.list_(pa.string())
        columns = {"reasons": pa.array(reasons, texts), "findings": pa.array(findings, texts)}
        lake.append(Table.QUARANTINE, _finish(Table.QUARANTINE, poor, judged, columns), facts)


def outcome_since(lake: Lake, raw_version: int, rules: Sequence[Rule]) -> Outcome:
    """Read back what was settled by checks that began after a version of `raw`.

    Raises:
        LakeError: a table is damaged.
    """
    later = ds.field("checked_raw_version") > raw_version
    passed = lake.read(Table.SAMPLES, columns=["row_id"], where=later)
    poor = lake.read(Table.QUARANTINE, where=later).to_pylist()
    reasons = Counter(code for row in poor for code in row["reasons"])
    return Outcome(
        n_passed=len(passed),
        n_quarantined=len(poor),
        reasons=dict(reasons.most_common()),
        bodies=dict(Counter(row["body_sha256"] for row in poor).most_common()),
        findings=tuple(_examples(poor, [code for code, _ in reasons.most_common()], rules)),
    )


def _finish(
    table: Table, rows: pa.Table, judged: Judged, columns: Mapping[str, pa.Array]
) -> pa.Table:
    n_rows = len(rows)
    stamp = {
        "checked_at": pa.array([judged.checked_at] * n_rows, TIME),
        "checked_raw_version": pa.array([judged.raw_version] * n_rows, pa.int64()),
    }
    for name, values in {**stamp, **columns}.items():
        rows = rows.append_column(name, values)
    return rows.select(SCHEMAS[table].names)


def _explain(
    judged: Judged, bad_rows: NDArray[np.intp], rules: Sequence[Rule]
) -> tuple[list[list[str]], list[list[str]]]:
    figures = judged.figures.to_dict("list")
    rows = judged.rows.take(pa.array(bad_rows)).to_pylist()
    reasons, findings = [], []
    for i, row in zip(bad_rows, rows, strict=True):
        broken = [rule for rule in rules if judged.bad[rule.code][i]]
        seen = {**{name: values[i] for name, values in figures.items()}, **row}
        reasons.append([rule.code for rule in broken])
        findings.append([found(seen, rule) for rule in broken])
    return reasons, findings


def _examples(
    poor: Sequence[_Row], codes: Iterable[str], rules: Sequence[Rule]
) -> Iterable[Finding]:
    right = {rule.code: rule.right for rule in rules}
    for code in codes:
        examples = [row for row in poor if code in row["reasons"]][:_EXAMPLES_PER_REASON]
        for row in examples:
            yield Finding(
                row_id=row["row_id"],
                node=row["node"],
                job=row["job"],
                window_start=row["window_start"],
                body_sha256=row["body_sha256"],
                code=code,
                found=row["findings"][row["reasons"].index(code)],
                right=right.get(code, "a rule of another version of joulepilot"),
            )
