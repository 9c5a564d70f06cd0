"""`joulepilot device characterise`: what networks cost on the devices of this node."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.devices.survey import usual_names
from components.settings.login import read_login
from components.telemetry.device_measurement import StartState
from flows.cli.device import print_ceiling
from flows.cli.device_check import check_as_json, print_device_check
from flows.cli.printing import print_table, show_progress
from flows.device_recording import RecordingOrder, record_devices
from flows.device_tables import TABLES
from flows.device_telemetry import keep_measurements, send_measurements
from models.device_classifier.characterise_node import this_node
from models.device_classifier.characterise_plan import RecordingSettings

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved
    from flows.device_recording import Recording

INTERRUPTED = 130


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Record; Ctrl-C keeps what is measured, and the same command goes on."""
    order = RecordingOrder(
        networks=tuple(arguments.networks),
        devices=tuple(arguments.devices or usual_names()),
        settings=_settings(arguments),
        out=Path(arguments.out) if arguments.out else resolved.settings.home / TABLES,
        kept_networks=resolved.settings.home / "networks",
        keep_contended=arguments.keep_contended,
        for_s=math.inf if arguments.for_s is None else arguments.for_s,
    )
    try:
        with show_progress() as progress:
            recording = record_devices(order, progress)
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; what is measured is kept: the same command goes on\n")
        return INTERRUPTED
    checked = None
    if arguments.hub:
        login = read_login(resolved.settings.hub_login_file)
        n_sent = send_measurements(arguments.hub, recording.measurements, login)
        sys.stderr.write(f"sent {n_sent} measurements to {arguments.hub}\n")
    elif not arguments.no_lake:
        checked = keep_measurements(resolved.settings, recording.measurements)
    if arguments.json:
        found = None if checked is None else check_as_json(checked)
        print(json.dumps({**_as_json(recording), "check": found}))
    else:
        _print(recording)
        if checked is not None:
            print_device_check(checked)
    return 0 if checked is None or checked.verdict else 1


def _settings(arguments: argparse.Namespace) -> RecordingSettings:
    return RecordingSettings(
        name=arguments.name or f"recorded-{this_node().node_class}",
        batches=tuple(arguments.batches or ()),
        n_batches=arguments.n_batches,
        max_gmac=arguments.max_gmac,
        max_memory_mb=arguments.max_memory_mb,
        states=tuple(StartState(state) for state in arguments.states),
        idle_s=arguments.idle_s,
        rounds=arguments.rounds,
        burst_s=arguments.burst_s,
        max_wait_share=arguments.max_wait_share,
        tries=arguments.tries,
    )


def _print(recording: Recording) -> None:
    by_device: dict[str, list[float]] = {}
    best: dict[str, int] = {}
    for row in _rows(recording):
        for device, latency_ms in row.items():
            by_device.setdefault(device, []).append(latency_ms)
        fastest = min(row, key=lambda device: row[device])
        best[fastest] = best.get(fastest, 0) + 1
    print_table(
        ("device", "points", "fastest at"),
        [(name, str(len(all_)), str(best.get(name, 0))) for name, all_ in by_device.items()],
    )
    for absent in recording.absent:
        print(f"absent: {absent.name}: {absent.reason}; {absent.remedy}")
    if recording.n_open:
        print(f"still open: {recording.n_open} points; the same command goes on with them")
    for line in recording.left_out:
        print(f"left out: {line}")
    if recording.n_contended_left_out:
        print(f"left out: {recording.n_contended_left_out} measurements that others disturbed")
    for code, n_rows in recording.refused.items():
        print(f"left out: {n_rows} measurements that break the rule {code}")
    for objective, found in recording.ceilings.items():
        print_ceiling(objective, found)
    print(f"table: {recording.table}")


def _rows(recording: Recording) -> list[dict[str, float]]:
    """Latencies by device, of each network, batch and state."""
    rows: dict[tuple[str, int, str], dict[str, float]] = {}
    for each in recording.measurements:
        row = rows.setdefault((each.network, each.batch_size, each.state), {})
        row[each.device] = each.latency_ms
    return list(rows.values())


def _as_json(recording: Recording) -> dict[str, object]:
    """Lay a recording out: table, n_measurements, n_contended_left_out, absent and so on.

    `check` beside them is that of `joulepilot check`; null where the lake was left alone.
    """
    return {
        "table": str(recording.table),
        "n_measurements": len(recording.measurements),
        "n_contended_left_out": recording.n_contended_left_out,
        "absent": {each.name: each.reason for each in recording.absent},
        "left_out": list(recording.left_out),
        "n_open": recording.n_open,
        "refused": dict(recording.refused),
        "half_against_half": {name: asdict(each) for name, each in recording.ceilings.items()},
    }
