"""Telemetry from the hub's spool into the lake, and the judgement on what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.hub.spool import Spool
from components.lake.ingest import ingest
from components.lake.lake import Lake
from data_checks.checking import check
from data_checks.device_checking import check_devices
from data_checks.past import past_checks
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
    """Judge every row that is new.

    Raises:
        LakeError: the lake is damaged or cannot be written.
    """
    return check(Lake(settings.home / "lake"), report=report_page(settings.home))


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
    """Whether a check that ended well led to this version of the table `samples`.

    Others may have led on to newer ones, while someone learned from this one.
    """
    checks = past_checks(Lake(home / "lake"))
    return any(one.verdict and one.samples_version == samples_version for one in checks)


def report_page(home: Path) -> Path:
    """Where the page of the last check lies."""
    return home / "reports" / "check.html"
