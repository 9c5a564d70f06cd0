"""The savings report of a home's lake."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from components.lake.schema import Table
from flows.errors import NoSamplesError
from models.savings.report import savings_report

if TYPE_CHECKING:
    from datetime import datetime

    from components.settings.settings import Settings
    from models.savings.report import SavingsReport

SINCE = timedelta(days=7)
NODE_COLUMNS = ("node", "W with", "W without", "J/image with", "without", "blocks", "held back")


def report_savings(settings: Settings, since: datetime) -> SavingsReport:
    """Compare policy and holdback over the checked samples since a time.

    Raises:
        NoSamplesError: no sample was checked yet.
        SavingsError: the samples lack a column.
    """
    lake = Lake(settings.home / "lake")
    if lake.version(Table.SAMPLES) is None:
        raise NoSamplesError(
            "asked for savings",
            f"the lake in {settings.home} has no checked samples",
            "let nodes send some, then: joulepilot ingest && joulepilot check",
        )
    frame = lake.samples()
    return savings_report(frame[frame["window_start"] >= since])


def node_lines(report: SavingsReport) -> list[tuple[str, ...]]:
    """One row a node, as `NODE_COLUMNS` has it."""
    lines: list[tuple[str, ...]] = []
    for node in report.nodes:
        counts = (str(node.n_treated), str(node.n_held_back))
        joules = node.j_per_image
        if node.effect is None or joules is None:
            lines.append((node.node, "-", "-", "-", "-", *counts))
            continue
        watts = (node.effect.treated.mean, node.effect.control.mean)
        lines.append(
            (node.node, *(f"{w:.1f}" for w in watts), *(f"{j:.3f}" for j in joules), *counts)
        )
    return lines


def facts(report: SavingsReport) -> dict[str, object]:
    """The report for machines."""
    saved = report.saved_w
    return {
        "sentence": report.sentence,
        "saved_w": None if saved is None else saved[0],
        "saved_w_low": None if saved is None else saved[1],
        "saved_w_high": None if saved is None else saved[2],
        "without_w": report.held_back_w,
        "power_sources": list(report.power_sources),
        "nodes": [dict(zip(NODE_COLUMNS, line, strict=True)) for line in node_lines(report)],
        "violations_with": report.with_policy.share,
        "violations_without": report.without.share,
        "jobs_attributed_w": {
            job.job: {"with": job.power_w, "without": job.held_back_power_w} for job in report.jobs
        },
        "windows": report.n_windows,
        "windows_incomplete": report.n_incomplete,
        "windows_mixed": report.n_mixed,
        "is_simulated": report.is_simulated,
        "samples_simulated": report.n_simulated,
    }


def violation_sentence(report: SavingsReport) -> str:
    """How often targets were missed, with and without, each with its interval."""
    parts = []
    for name, found in (("with", report.with_policy), ("in holdback", report.without)):
        interval = found.interval()
        if interval is None:
            parts.append(f"{name}: no window could be judged")
        else:
            parts.append(
                f"{name}: {found.n_missed} of {found.n_judged} windows "
                f"({interval[0]:.2%} to {interval[1]:.2%})"
            )
    return "targets missed " + "; ".join(parts)
