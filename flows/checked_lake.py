"""Telemetry from the hub's spool into the lake, and the judgement on what is new."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.hub.spool import Spool
from components.lake.ingest import ingest
from components.lake.lake import Lake
from components.telemetry.device_measurement import MEASUREMENT_EVENT, measurement_attributes
from components.telemetry.events import Event
from components.telemetry.otlp_in import MediaType
from components.telemetry.otlp_protobuf import record_of, request_of
from data_checks.checking import check
from data_checks.device_checking import check_devices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.lake.ingest import IngestReport
    from components.settings.settings import Settings
    from components.telemetry.device_measurement import DeviceMeasurement
    from data_checks.device_checking import DeviceCheck
    from data_checks.report import CheckReport

MEASUREMENTS_PER_BODY = 1000


def ingest_telemetry(settings: Settings) -> IngestReport:
    """Move what the hub received into the lake.

    Raises:
        LakeError: the lake is damaged or cannot be written; nothing is lost.
    """
    return ingest(Spool(settings.home / "spool"), Lake(settings.home / "lake"))


def check_samples(settings: Settings) -> CheckReport:
    """Judge every row that is new, and keep the verdict for who trains.

    Raises:
        LakeError: the lake is damaged or cannot be written.
    """
    report = check(Lake(settings.home / "lake"), report=report_page(settings.home))
    verdict = {"verdict": report.verdict, "samples_version": report.samples_version}
    replace_file(_verdict_file(settings.home), json.dumps(verdict) + "\n")
    return report


def check_measurements(settings: Settings) -> DeviceCheck:
    """Judge every device measurement that is new.

    Raises:
        LakeError: the lake is damaged or cannot be written.
    """
    return check_devices(Lake(settings.home / "lake"))


def keep_measurements(
    settings: Settings, measurements: Sequence[DeviceMeasurement]
) -> DeviceCheck | None:
    """Hand measurements to the lake as a node would: spool, ingest, check.

    Returns:
        What the check found; None where nothing is new to the lake.

    Raises:
        SpoolError, LakeError: they could not be kept; the recording is a file all the same.
    """
    spool = Spool(settings.home / "spool")
    for first in range(0, len(measurements), MEASUREMENTS_PER_BODY):
        events = map(_event, measurements[first : first + MEASUREMENTS_PER_BODY])
        body = request_of([record_of(event) for event in events], {"service.name": "joulepilot"})
        spool.put(gzip.compress(body, mtime=0), MediaType.PROTOBUF.value, "gzip")
    if ingest_telemetry(settings).n_device_rows == 0:
        return None
    return check_measurements(settings)


def _event(measurement: DeviceMeasurement) -> Event:
    attributes = measurement_attributes(measurement)
    return Event(MEASUREMENT_EVENT, attributes, measurement.measured_at, datetime.now(UTC))


def was_checked(home: Path, samples_version: int) -> bool:
    """Whether the last check ended well and led to this version of the table `samples`."""
    try:
        kept: object = json.loads(_verdict_file(home).read_text())
    except (OSError, ValueError):
        return False
    return kept == {"verdict": True, "samples_version": samples_version}


def report_page(home: Path) -> Path:
    """Where the page of the last check lies."""
    return home / "reports" / "check.html"


def _verdict_file(home: Path) -> Path:
    return home / "reports" / "check.json"
