"""What a saved kilowatt-hour is worth: a number, or the mean of a signal over the report's time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from components.planning.errors import SignalError
from components.planning.signals import Quantity
from flows.cli.savings import per_kwh

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=2)


def test_a_number_is_taken_as_it_is():
    assert per_kwh("0.31", Quantity.PRICE, SINCE, NOW) == 0.31
    assert per_kwh(None, Quantity.PRICE, SINCE, NOW) is None


def test_a_file_is_averaged_over_the_time_of_the_report(tmp_path):
    path = tmp_path / "carbon.csv"
    half = SINCE + timedelta(hours=1)
    path.write_text(f"time,value\n{SINCE.isoformat()},400\n{half.isoformat()},200\n")

    assert per_kwh(str(path), Quantity.CARBON, SINCE, NOW) == pytest.approx(300.0)


def test_a_file_of_another_time_or_none_is_told(tmp_path):
    path = tmp_path / "carbon.csv"
    path.write_text("time,value\n2020-01-01T00:00:00+00:00,400\n")

    with pytest.raises(SignalError, match="says nothing of the time since 2026-06-01T10:00"):
        per_kwh(str(path), Quantity.CARBON, SINCE, NOW)
    with pytest.raises(SignalError):
        per_kwh(str(tmp_path / "nowhere.csv"), Quantity.CARBON, SINCE, NOW)
