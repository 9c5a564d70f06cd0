"""`joulepilot savings`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.cli.in_force import read_time
from flows.cli.printing import print_table
from flows.savings import (
    NODE_COLUMNS,
    SINCE,
    facts,
    node_lines,
    report_savings,
    violation_sentence,
)

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved
    from models.savings.report import SavingsReport


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Say what the policy saved against its holdback; "not enough data yet" is an answer."""
    now = datetime.now(UTC)
    since = now - SINCE if arguments.since is None else read_time(arguments.since, now)
    report = report_savings(resolved.settings, since)
    if arguments.json:
        print(json.dumps(facts(report)))
        return 0
    print(report.sentence)
    _print_year(report, arguments.price_per_kwh, "in money")
    _print_year(report, arguments.gco2e_per_kwh, "gCO2e")
    print(violation_sentence(report))
    if report.nodes:
        print_table(NODE_COLUMNS, node_lines(report))
    for job in report.jobs:
        if job.power_w is not None and job.held_back_power_w is not None:
            print(
                f"{job.job}: {job.power_w:.1f} W with, {job.held_back_power_w:.1f} W without "
                "(attributed by CPU time, not measured; not adjusted for load)"
            )
    print(
        f"{report.n_windows} windows of nodes; left out: {report.n_incomplete} without power or "
        f"images, {report.n_mixed} in another arm or in several"
    )
    return 0


def _print_year(report: SavingsReport, per_kwh: float | None, unit: str) -> None:
    year = None if per_kwh is None else report.per_year(per_kwh)
    if year is not None:
        print(f"  a year: {year[0]:.1f} {unit} (95 % interval {year[1]:.1f} to {year[2]:.1f})")
