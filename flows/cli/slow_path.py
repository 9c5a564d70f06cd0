"""The slow path by hand: the same functions the flows call."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from data_checks.report import require_good
from flows.checked_lake import check_measurements, check_samples, ingest_telemetry
from flows.cli.device_check import check_as_json, print_device_check
from flows.cli.printing import print_verdict, show_progress
from flows.releasing import whoami
from flows.sweeping import SweepOrder, sweep_nodes

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved


def sweep(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Ask nodes for a sweep and wait until they have done it."""
    order = SweepOrder(
        nodes=tuple(arguments.nodes),
        n_windows=arguments.windows,
        n_points=arguments.points,
        timeout_s=arguments.timeout_s,
    )
    with show_progress() as tell:
        result = sweep_nodes(
            resolved.settings, order, who=whoami(), why=arguments.why, progress=tell
        )
    if arguments.json:
        print(json.dumps({"sequence": result.sequence, "points": dict(result.points)}))
    else:
        for name, points in result.points.items():
            print(f"{name}: {points} allocations tried (entry {result.sequence})")
    return 0


def ingest(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Move what the hub received into the lake."""
    report = ingest_telemetry(resolved.settings)
    if arguments.json:
        counts = (
            *("n_bodies", "n_events", "n_rows", "n_device_rows"),
            *("n_duplicates", "n_undecodable"),
        )
        print(json.dumps({name: getattr(report, name) for name in counts}))
        return 0
    print(
        f"{report.n_rows} new rows and {report.n_device_rows} device measurements "
        f"from {report.n_bodies} bodies; "
        f"{report.n_duplicates} were there already, {report.n_undecodable} cannot be read"
    )
    return 0


def check(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Judge what is new; 0 only when the data is good enough to go on."""
    report = check_samples(resolved.settings)
    devices = check_measurements(resolved.settings)
    if arguments.json:
        facts = {
            "devices": check_as_json(devices),
            "n_checked": report.n_checked,
            "n_passed": report.n_passed,
            "n_quarantined": report.n_quarantined,
            "reasons": dict(report.reasons),
            "verdict": report.verdict,
            "samples_version": report.samples_version,
            "report": str(report.report_path),
        }
        print(json.dumps(facts))
    else:
        print(f"{report.n_passed} of {report.n_checked} new rows passed: {report.verdict_reason}")
        for reason, n_rows in report.reasons.items():
            print(f"  quarantined for {reason}: {n_rows}")
        print(f"  page: {report.report_path}")
        print_device_check(devices)
    require_good(report)
    return 0 if devices.verdict else 1


def retrain(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Train and judge a challenger; 0 only when it passed the gate."""
    from flows.learning import train_challenger  # torch takes seconds; the other verbs need it not

    with show_progress() as tell:
        challenger = train_challenger(resolved.settings, seed=arguments.seed, progress=tell)
    version, verdict = challenger.version, challenger.verdict
    if arguments.json:
        facts = {
            "version": version.version,
            "digest": version.digest,
            "lake_version": challenger.lake_version,
            "verdict": verdict.to_dict(),
        }
        print(json.dumps(facts))
    else:
        print(
            f"version {version.version} ({version.digest[:12]}), learned from samples "
            f"v{challenger.lake_version}: {challenger.version_url}"
        )
        print_verdict(verdict)
        if verdict.passed:
            print(f"promote it: joulepilot promote {version.version} --why …")
    sys.stdout.flush()
    return 0 if verdict.passed else 1
