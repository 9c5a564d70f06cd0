"""Telemetry from the hub's spool into the lake, and the judgement on what is new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.hub.spool import Spool
from components.lake.ingest import ingest
from components.lake.lake import Lake
from data_checks.checking import check
from data_checks.device_checking import check_devices
from flows.device_tables import write_lake_tables

if TYPE_CHECKING:
    from pathlib import Path

    from components.lake.ingest import IngestReport
    from components.settings.settings import Settings
    from data_checks.device_checking import DeviceCheck
    from data_checks.report import CheckReport


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
    """Judge every device measurement that is new; tables are written of those sent by nodes.

    Raises:
        LakeError: the lake is damaged or cannot be written.
    """
    lake = Lake(settings.home / "lake")
    found = check_devices(lake)
    if found.n_passed:
        write_lake_tables(lake, settings.home)
    return found


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
