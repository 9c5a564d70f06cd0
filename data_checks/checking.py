"""Rows of `raw` that nobody judged yet go to `samples`, or to `quarantine` with the reasons.

Masks decide row by row; Great Expectations gives its verdict on the table and must find the same
rows. A check that is killed is taken up by the next one: rows it settled stay settled and are
counted with the rest, because a check is complete only with its row in the table `checks`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from components.lake.schema import Table
from data_checks.expectations import expect
from data_checks.judgement import bad_rows
from data_checks.limits import Limits
from data_checks.measures import measure
from data_checks.page import write_page
from data_checks.past import (
    PastCheck,
    Verdict,
    past_checks,
    remember,
    verdict_on_rows,
    verdict_when_nothing_is_new,
)
from data_checks.report import CheckReport, ExpectationVerdict
from data_checks.rules import rules
from data_checks.settling import Judged, Outcome, outcome_since, settle
from data_checks.unjudged import Unjudged, unjudged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from components.lake.lake import Lake
    from data_checks.expectations import TableVerdict
    from data_checks.rule import Rule

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _TableFindings:
    """What Great Expectations adds to the masks."""

    expectations: tuple[ExpectationVerdict, ...] = ()
    disagreements: tuple[str, ...] = ()

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why the check itself cannot be trusted; none when all is well."""
        errors = (f"{e.expectation}: {e.error}" for e in self.expectations if e.error is not None)
        return (*errors, *self.disagreements)


def check(
    lake: Lake,
    logical_cpus: Mapping[str, int] | None = None,
    *,
    report: Path,
    max_bad_share: float = 0.2,
    since: datetime | None = None,
    limits: Limits | None = None,
) -> CheckReport:
    """Judge every row of `raw` that is not judged yet; may be killed and run again at any time.

    Args:
        lake: where rows come from and go to.
        logical_cpus: logical CPUs by node class where the caller knows them; elsewhere the count
            that most rows of a node and fingerprint report is taken for right.
        report: where the page is written; replaced.
        max_bad_share: share of bad rows, in [0, 1], up to which the verdict is good.
        since: judge the share over all checks completed from this moment on together with this
            one, rather than over this one alone.
        limits: how far a value may go; None for the usual.

    Raises:
        LakeError: a table is damaged or cannot be written.
        LakeBusyError: another ingest or check does not end.
        ReportError: the page cannot be written; run again, it is made from the same rows.
    """
    limits = limits or Limits()
    if lake.version(Table.RAW) is None:
        return _checked(lake, logical_cpus or {}, report, max_bad_share, since, limits)
    with lake.one_writer():
        return _checked(lake, logical_cpus or {}, report, max_bad_share, since, limits)


def _checked(
    lake: Lake,
    logical_cpus: Mapping[str, int],
    report: Path,
    max_bad_share: float,
    since: datetime | None,
    limits: Limits,
) -> CheckReport:
    now = datetime.now(UTC)
    past = past_checks(lake)
    todo = unjudged(lake, limits)
    every_rule = rules(limits)
    table = _judge(lake, todo, logical_cpus, every_rule, limits, now)
    lake.compact(Table.SAMPLES, Table.QUARANTINE, Table.CHECKS)  # before versions are named
    outcome = outcome_since(lake, past[-1].raw_version if past else -1, every_rule)
    n_checked = outcome.n_passed + outcome.n_quarantined
    earlier = [one for one in past if since is not None and one.checked_at >= since]
    verdict = _verdict(outcome, earlier, past, max_bad_share, table)
    found = CheckReport(
        checked_at=now,
        n_checked=n_checked,
        n_passed=outcome.n_passed,
        n_quarantined=outcome.n_quarantined,
        reasons=outcome.reasons,
        bad_share=verdict.bad_share,
        max_bad_share=max_bad_share,
        verdict=verdict.is_good,
        verdict_reason=verdict.reason,
        raw_version=todo.raw_version,
        samples_version=lake.version(Table.SAMPLES),
        quarantine_version=lake.version(Table.QUARANTINE),
        expectations=table.expectations,
        findings=outcome.findings,
        disagreements=table.disagreements,
        bodies=outcome.bodies,
        report_path=report,
    )
    write_page(found, past)
    if n_checked:
        remember(lake, _as_past(found))
    _log.info("checked %d rows: %s", n_checked, verdict.reason)
    return found


def _judge(
    lake: Lake,
    todo: Unjudged,
    logical_cpus: Mapping[str, int],
    every_rule: Sequence[Rule],
    limits: Limits,
    now: datetime,
) -> _TableFindings:
    if todo.raw_version is None or not len(todo.rows):
        return _TableFindings()
    figures = measure(todo.rows, todo.context, logical_cpus, limits)
    bad = bad_rows(figures, every_rule)
    seen = expect(figures, every_rule)
    settle(lake, Judged(todo.rows, figures, bad, todo.raw_version, now), every_rule, limits)
    differing = tuple(disagreements(bad, seen))
    for line in differing:
        _log.error("%s", line)
    return _TableFindings(seen.expectations, differing)


def disagreements(bad: Mapping[str, NDArray[np.bool_]], seen: TableVerdict) -> Iterable[str]:
    """Name rules for which masks and Great Expectations found different rows."""
    for code, mask in bad.items():
        by_mask = seen.judged_rows.intersection(np.flatnonzero(mask).tolist())
        by_table = seen.bad_rows[code]
        if by_mask != by_table:
            yield (
                f"{code}: the masks find {len(by_mask)} bad rows, Great Expectations "
                f"{len(by_table)}, {len(by_mask ^ by_table)} of them not in common"
            )


def _verdict(
    outcome: Outcome,
    earlier: Sequence[PastCheck],
    past: Sequence[PastCheck],
    max_bad_share: float,
    table: _TableFindings,
) -> Verdict:
    n_bad = outcome.n_quarantined + sum(one.n_quarantined for one in earlier)
    n_checked = outcome.n_passed + outcome.n_quarantined + sum(one.n_checked for one in earlier)
    if not n_checked:
        return verdict_when_nothing_is_new(past)
    verdict = verdict_on_rows(n_checked, n_bad, max_bad_share)
    if not table.troubles:
        return verdict
    reason = f"the check contradicts itself or could not be made: {table.troubles[0]}"
    return replace(verdict, is_good=False, reason=reason)


def _as_past(found: CheckReport) -> PastCheck:
    return PastCheck(
        checked_at=found.checked_at,
        raw_version=found.raw_version or 0,
        samples_version=found.samples_version,
        quarantine_version=found.quarantine_version,
        n_checked=found.n_checked,
        n_passed=found.n_passed,
        n_quarantined=found.n_quarantined,
        verdict=found.verdict,
    )
