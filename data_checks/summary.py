"""A check in a few lines of Markdown, for an artifact or a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_checks.report import CheckReport

_REASONS_SHOWN = 10


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
