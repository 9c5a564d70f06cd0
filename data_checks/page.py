"""The page of a check: one HTML file that needs nothing from outside."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from data_checks.errors import ReportError
from data_checks.page_style import CSS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from data_checks.past import PastCheck
    from data_checks.report import CheckReport, ExpectationVerdict, Finding

_PAST_SHOWN = 40
_BODIES_SHOWN = 20
_BAR_PX = 240


def write_page(report: CheckReport, past: Sequence[PastCheck]) -> None:
    """Write the page to the report's path, whole or not at all.

    Raises:
        ReportError: the path cannot be written.
    """
    path = report.report_path
    try:
        replace_file(path, page(report, past))
    except OSError as error:
        raise ReportError(
            f"asked to write the page of a check to {path}",
            str(error),
            "give a path that can be written, and check again",
        ) from error


def page(report: CheckReport, past: Sequence[PastCheck]) -> str:
    """Lay a report out as HTML."""
    sections = (
        _verdict(report),
        _tiles(report),
        _reasons(report),
        _examples(report.findings),
        _bodies(report),
        _expectations(report),
        _past(past),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Check of samples</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        f"{''.join(sections)}</body>\n</html>\n"
    )


def _verdict(report: CheckReport) -> str:
    kind = "good" if report.verdict else "poor"
    words = "Good enough to go on" if report.verdict else "Stop: too much of this cannot be trusted"
    return (
        f"<h1>Check of samples</h1>\n"
        f'<p class="dim">{_moment(report.checked_at)} · lake versions: '
        f"raw {_version(report.raw_version)}, samples {_version(report.samples_version)}, "
        f"quarantine {_version(report.quarantine_version)}</p>\n"
        f'<div class="verdict {kind}"><strong>{words}</strong>'
        f"<p>{escape(report.verdict_reason)}</p></div>\n"
    )


def _tiles(report: CheckReport) -> str:
    facts = (
        ("rows in", f"{report.n_checked:,}"),
        ("passed", f"{report.n_passed:,}"),
        ("quarantined", f"{report.n_quarantined:,}"),
        ("bad share", f"{report.bad_share:.1%}"),
        ("at most", f"{report.max_bad_share:.0%}"),
    )
    tiles = "".join(f'<div class="tile"><b>{value}</b>{name}</div>' for name, value in facts)
    return f'<div class="tiles">{tiles}</div>\n{_split_bar(report)}'


def _split_bar(report: CheckReport) -> str:
    if not report.n_checked:
        return ""
    width = 100 * report.n_passed / report.n_checked
    return (
        '<svg width="100%" height="12" role="img" aria-label="passed and quarantined">'
        f'<rect class="bar good" width="{width:.2f}%" height="12"/>'
        f'<rect class="bar poor" x="{width:.2f}%" width="{100 - width:.2f}%" height="12"/></svg>\n'
    )


def _reasons(report: CheckReport) -> str:
    if not report.reasons:
        return "<h2>Reasons</h2>\n<p>No row was sent to quarantine.</p>\n"
    right = {finding.code: finding.right for finding in report.findings}
    most = max(report.reasons.values())
    rows = (
        f"<tr><td><code>{escape(code)}</code></td><td>{escape(right.get(code, ''))}</td>"
        f'<td class="n">{n:,}</td><td>{_bar(n / most, "poor")}</td></tr>\n'
        for code, n in report.reasons.items()
    )
    head = '<th>reason</th><th>what is right</th><th class="n">rows</th><th></th>'
    return f"<h2>Reasons</h2>\n{_table(head, rows)}"


def _examples(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    rows = (
        f"<tr><td><code>{escape(f.code)}</code></td>"
        f'<td><code title="{f.row_id}">{f.row_id[:12]}</code></td>'
        f"<td>{escape(f.node or 'none')}<br>{escape(f.job or 'none')}</td>"
        f'<td>{_moment(f.window_start)}</td><td><code class="long">{escape(f.found)}</code></td>'
        f"<td>{escape(f.right)}</td>"
        f'<td><code title="{f.body_sha256}">{f.body_sha256[:12]}</code></td></tr>\n'
        for f in findings
    )
    head = (
        "<th>reason</th><th>row_id</th><th>node, job</th><th>window from</th><th>found</th>"
        "<th>right is</th><th>body</th>"
    )
    return f"<h2>Example rows in quarantine</h2>\n{_table(head, rows)}"


def _bodies(report: CheckReport) -> str:
    if not report.bodies:
        return ""
    shown = list(report.bodies.items())[:_BODIES_SHOWN]
    rows = (f'<tr><td><code>{d}</code></td><td class="n">{n:,}</td></tr>\n' for d, n in shown)
    more = len(report.bodies) - len(shown)
    rest = f'<p class="dim">and {more:,} more</p>\n' if more else ""
    return (
        "<h2>Bodies they came in</h2>\n<p class='dim'>SHA-256 of the body as received; the spool "
        "keeps it under that name in <code>done/</code>, or in <code>rejected/</code> where it "
        "could not be read.</p>\n"
        f"{_table('<th>body</th><th class=n>quarantined rows</th>', rows)}{rest}"
    )


def _expectations(report: CheckReport) -> str:
    if not report.expectations:
        return ""
    failed = [verdict for verdict in report.expectations if not verdict.success]
    passed = [verdict for verdict in report.expectations if verdict.success]
    agreement = (
        "".join(f'<p class="poor"><strong>{escape(d)}</strong></p>' for d in report.disagreements)
        or "<p>For every rule the row masks and Great Expectations found the same rows.</p>"
    )
    return (
        f"<h2>Great Expectations on the table: {len(passed)} of {len(report.expectations)} "
        f"met</h2>\n{agreement}\n{_expectation_table(failed) if failed else ''}"
        f"<details><summary>{len(passed)} that were met</summary>\n"
        f"{_expectation_table(passed)}</details>\n"
    )


def _expectation_table(verdicts: Iterable[ExpectationVerdict]) -> str:
    rows = (
        f"<tr><td><code>{escape(v.code or 'table')}</code></td><td>{escape(v.expectation)}"
        f"{f'<br>{escape(v.error)}' if v.error else ''}</td>"
        f'<td class="n">{v.n_unexpected:,} of {v.n_rows:,}</td>'
        f'<td class="{"good" if v.success else "poor"}">{"met" if v.success else "not met"}</td>'
        "</tr>\n"
        for v in verdicts
    )
    head = '<th>rule</th><th>expectation</th><th class="n">unexpected</th><th>verdict</th>'
    return _table(head, rows)


def _past(past: Sequence[PastCheck]) -> str:
    if not past:
        return ""
    rows = (
        f'<tr><td>{_moment(one.checked_at)}</td><td class="n">{one.n_checked:,}</td>'
        f'<td class="n">{one.n_quarantined:,}</td>'
        f"<td>{_bar(one.n_quarantined / max(one.n_checked, 1), 'poor')}</td>"
        f'<td class="n">{_version(one.samples_version)}</td>'
        f'<td class="{"good" if one.verdict else "poor"}">'
        f"{'went on' if one.verdict else 'stopped'}</td></tr>\n"
        for one in reversed(past[-_PAST_SHOWN:])
    )
    head = (
        '<th>check of</th><th class="n">rows in</th><th class="n">quarantined</th>'
        '<th>bad share</th><th class="n">samples version</th><th>verdict</th>'
    )
    return f"<h2>Checks before this one</h2>\n{_table(head, rows)}"


def _table(head: str, rows: Iterable[str]) -> str:
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )


def _bar(share: float, kind: str) -> str:
    return (
        f'<svg width="{_BAR_PX}" height="12" role="img" aria-label="{share:.0%}">'
        f'<rect class="bar rest" width="{_BAR_PX}" height="12"/>'
        f'<rect class="bar {kind}" width="{_BAR_PX * share:.1f}" height="12"/></svg>'
    )


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "none"


def _version(version: int | None) -> str:
    return "none" if version is None else str(version)
