"""What was checked stays checked, whatever comes after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from data_checks.past import PastCheck, remember
from flows.checked_lake import was_checked

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_version_someone_learns_from_stays_checked_when_newer_ones_come(tmp_path: Path) -> None:
    for version, is_good in ((1, True), (2, False)):
        check = PastCheck(
            checked_at=NOON + timedelta(minutes=5 * version),
            raw_version=version,
            samples_version=version,
            quarantine_version=None,
            n_checked=100,
            n_passed=100,
            n_quarantined=0,
            verdict=is_good,
        )
        remember(Lake(tmp_path / "lake"), check)
    assert [was_checked(tmp_path, version) for version in (0, 1, 2, 3)] == [
        False,
        True,
        False,
        False,
    ]
