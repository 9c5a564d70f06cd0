"""Device tables of a home: what `characterise` writes, what nodes sent, what `retrain` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from components.lake.schema import Table
from components.telemetry.device_measurement import (
    MEASUREMENT_FIELDS,
    DeviceMeasurement,
    StartState,
)
from components.telemetry.sample import Origin, PowerSource
from models.device_classifier.characterise_table import write_recording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.lake.lake import Lake

TABLES = "device-tables"
"""Folder of a home; the newest table in it is learned from."""
FROM_LAKE = "device_measurements of the lake"


def write_lake_tables(lake: Lake, home: Path) -> tuple[Path, ...]:
    """Write a table for every recording of the lake that has none in this home.

    One that was made in this home has its table already, and that one stays.

    Raises:
        LakeError: a table of the lake is damaged.
        RecordingError: nothing of a recording counts.
    """
    version = lake.version(Table.DEVICE_MEASUREMENTS)
    recordings: dict[str, list[DeviceMeasurement]] = {}
    for row in lake.read(Table.DEVICE_MEASUREMENTS).to_pylist():
        recordings.setdefault(f"{row['recording']}-{row['node']}", []).append(_measurement(row))
    written = []
    for name, measurements in recordings.items():
        measurements.sort(key=lambda each: each.measured_at)
        first = measurements[0]
        if (home / TABLES / f"{first.recording}.csv").exists() or _is_whole(
            home / TABLES / f"{name}.json", len(measurements)
        ):
            continue
        facts = {
            "source": str(first.origin),
            "rows_from": FROM_LAKE,
            "lake_version": version,
            "n_measurements": len(measurements),
            "recording": first.recording,
            "node": first.node,
            "node_class": first.node_class,
            "fingerprint": first.fingerprint,
        }
        path = home / TABLES / f"{name}.csv"
        if not all(each.contended for each in measurements):
            write_recording(path, measurements, facts)
            written.append(path)
    return tuple(written)


def _is_whole(sidecar: Path, n_measurements: int) -> bool:
    """Whether a table already holds as many measurements."""
    try:
        facts = json.loads(sidecar.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and facts.get("n_measurements") == n_measurements


def _measurement(row: Mapping[str, Any]) -> DeviceMeasurement:
    values = {name: row[name] for name in MEASUREMENT_FIELDS}
    source = values["energy_source"]
    values["origin"] = Origin(values["origin"])
    values["state"] = StartState(values["state"])
    values["energy_source"] = None if source is None else PowerSource(source)
    return DeviceMeasurement(**values)
