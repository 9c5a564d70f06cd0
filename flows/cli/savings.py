"""`joulepilot savings`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.planning.errors import SignalError
from components.planning.signals import Quantity, read_signal
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
    worths = [
        ("in money", per_kwh(arguments.price_per_kwh, Quantity.PRICE, since, now)),
        ("gCO2e", per_kwh(arguments.gco2e_per_kwh, Quantity.CARBON, since, now)),
    ]
    if arguments.json:
        years = {unit: _year(report, worth) for unit, worth in worths if worth is not None}
        print(json.dumps(facts(report) | {"a_year": years}))
        return 0
    print(report.sentence)
    for unit, worth in worths:
        _print_year(report, worth, unit)
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
        f"images, {report.n_mixed} in another arm or in several, {report.n_simulated} samples of "
        "made-up nodes"
    )
    return 0


def per_kwh(said: str | None, quantity: Quantity, since: datetime, now: datetime) -> float | None:
    """What a kWh is worth: a number, or the mean of a signal over the time of the report.

    Raises:
        SignalError: it is neither a number nor a file of a signal, or the file ends before.
    """
    if said is None:
        return None
    try:
        return float(said)
    except ValueError:
        mean = read_signal(Path(said), quantity).mean(since.timestamp(), now.timestamp())
    if mean is None:
        raise SignalError(
            f"asked for what was saved by the {quantity} in {said}",
            f"it says nothing of the time since {since.isoformat(timespec='minutes')}",
            "give a file that reaches into it, or a number",
        )
    return mean


def _year(report: SavingsReport, worth: float) -> dict[str, float] | None:
    year = report.per_year(worth)
    if year is None:
        return None
    return {"per_kwh": worth, "saved": year[0], "low": year[1], "high": year[2]}


def _print_year(report: SavingsReport, worth: float | None, unit: str) -> None:
    year = None if worth is None else report.per_year(worth)
    if year is not None:
        print(
            f"  a year: {year[0]:.1f} {unit} (95 % interval {year[1]:.1f} to {year[2]:.1f}; "
            f"{worth:.4g} a kWh)"
        )
