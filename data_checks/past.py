"""Completed checks, and the verdict over one or several of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from components.lake.schema import SCHEMAS, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from components.lake.lake import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCheck:
    """One completed check."""

    checked_at: datetime
    raw_version: int
    samples_version: int | None
    quarantine_version: int | None
    n_checked: int
    n_passed: int
    n_quarantined: int
    verdict: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether what arrived is good enough to go on, and why."""

    is_good: bool
    bad_share: float
    reason: str


def past_checks(lake: Lake) -> tuple[PastCheck, ...]:
    """Read all completed checks, oldest first.

    Raises:
        LakeError: the table is damaged.
    """
    rows = lake.read(Table.CHECKS).sort_by("raw_version").to_pylist()
    return tuple(PastCheck(**row) for row in rows)


def remember(lake: Lake, check: PastCheck) -> None:
    """Note a check as completed.

    Raises:
        LakeError: the table is damaged or cannot be written.
    """
    row = {name: getattr(check, name) for name in SCHEMAS[Table.CHECKS].names}
    lake.append(Table.CHECKS, pa.Table.from_pylist([row], schema=SCHEMAS[Table.CHECKS]))


def verdict_on_rows(n_checked: int, n_bad: int, max_bad_share: float) -> Verdict:
    """Judge a share of bad rows."""
    share = n_bad / n_checked if n_checked else 0.0
    found = f"{n_bad} of {n_checked} rows are bad ({share:.1%}; at most {max_bad_share:.0%} may be)"
    return Verdict(share <= max_bad_share, share, found)


def verdict_when_nothing_is_new(past: Sequence[PastCheck]) -> Verdict:
    """The last verdict stands until something arrives."""
    if not past:
        return Verdict(is_good=True, bad_share=0.0, reason="nothing has arrived yet")
    last = past[-1]
    share = last.n_quarantined / last.n_checked if last.n_checked else 0.0
    reason = (
        f"nothing is new; the check of {last.checked_at:%Y-%m-%d %H:%M:%S} UTC stands: "
        f"{last.n_quarantined} of {last.n_checked} rows were bad ({share:.1%})"
    )
    return Verdict(last.verdict, share, reason)
