"""What a check found, in full and in a few lines of Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_checks.errors import BadDataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path


_REASONS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ExpectationVerdict:
    """What Great Expectations says of one expectation on the whole table."""

    code: str
    """Of the rule it belongs to; empty for one about the table that sends no row away."""
    expectation: str
    """In words: column, and what is expected of it."""
    n_rows: int
    n_unexpected: int
    success: bool
    error: str | None = None
    """Why it could not be evaluated."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason of one row that went into quarantine."""

    row_id: str
    node: str | None
    job: str | None
    window_start: datetime | None
    body_sha256: str
    code: str
    found: str
    """The offending values."""
    right: str
    """What they should have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Counts and verdict of one check, and where its page lies."""

    checked_at: datetime
    n_checked: int
    """Rows of `raw` settled by this check (and by one before it that was cut short)."""
    n_passed: int
    n_quarantined: int
    reasons: Mapping[str, int]
    """Rows by reason code, most frequent first; a row with two reasons counts in both."""
    bad_share: float
    """Of the rows the verdict is about, in [0, 1]."""
    max_bad_share: float
    verdict: bool
    """Whether what arrived is good enough to go on."""
    verdict_reason: str
    raw_version: int | None
    samples_version: int | None
    quarantine_version: int | None
    expectations: tuple[ExpectationVerdict, ...]
    findings: tuple[Finding, ...]
    """Examples: the first few of each reason."""
    disagreements: tuple[str, ...]
    """Rules for which the row masks and Great Expectations found different rows; should be none."""
    bodies: Mapping[str, int]
    """Quarantined rows by the digest of the body they came in."""
    report_path: Path


def require_good(report: CheckReport) -> None:
    """Stop here when too much of the data is bad.

    Raises:
        BadDataError: the verdict of the check is no.
    """
    if report.verdict:
        return
    main = ", ".join(f"{code} ({n})" for code, n in list(report.reasons.items())[:3])
    raise BadDataError(
        "asked to go on with the data that arrived",
        f"{report.verdict_reason}; reasons: {main or 'see the page'}",
        f"see {report.report_path}, mend the sender; good rows are in samples already",
    )


def summary_markdown(report: CheckReport) -> str:
    """Sum a report up: verdict, counts, and the most frequent reasons."""
    verdict = "good enough to go on" if report.verdict else "**stop**"
    lines = [
        f"Verdict: {verdict}. {report.verdict_reason}.",
        "",
        "| rows in | passed | quarantined | bad share | samples version |",
        "|---:|---:|---:|---:|---:|",
        f"| {report.n_checked} | {report.n_passed} | {report.n_quarantined} "
        f"| {report.bad_share:.1%} | {_or_none(report.samples_version)} |",
    ]
    if report.reasons:
        right = {finding.code: finding.right for finding in report.findings}
        lines += ["", "| reason | rows | what is right |", "|---|---:|---|"]
        lines += [
            f"| `{code}` | {n} | {right.get(code, '')} |"
            for code, n in list(report.reasons.items())[:_REASONS_SHOWN]
        ]
    return "\n".join([*lines, "", f"Page: `{report.report_path}`", ""])


def _or_none(value: int | None) -> str:
    return "none" if value is None else str(value)
