"""Causes that the lake shows: enough new samples, telemetry that drifted, a champion's regret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.lake.lake import Lake
from components.lake.schema import Table
from data_checks.drift import drifts
from data_checks.regret import regrets
from flows.triggers.cause import Cause

if TYPE_CHECKING:
    from pathlib import Path

ENOUGH_ROWS = 2_000
SHORT = 12


def causes_of_data(
    home: Path, trained_version: int | None, champion: str | None
) -> tuple[Cause, ...]:
    """Compare the samples with those of the version that was last learned from.

    Args:
        home: of the lake.
        trained_version: of the table `samples`; None: nothing was learned from it yet.
        champion: digest of the bundle in force; what it learned from already is no regret.
    """
    lake = Lake(home / "lake")
    version = lake.version(Table.SAMPLES)
    if version is None or version == trained_version:
        return ()
    rows = lake.samples()
    before = rows.iloc[:0] if trained_version is None else lake.samples(trained_version)
    new = rows[~rows["row_id"].isin(before["row_id"])]
    causes = []
    if len(new) >= ENOUGH_ROWS:
        causes.append(Cause(f"data after {trained_version}", f"{len(new)} new checked samples"))
    causes += [Cause(f"drift {drift.key}", drift.sentence) for drift in drifts(before, new)]
    if champion is not None:
        causes += [
            Cause(f"regret {champion[:SHORT]} {regret.key}", regret.sentence)
            for regret in regrets(new, champion)
        ]
    return tuple(causes)
