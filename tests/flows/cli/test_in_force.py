"""Times as people write them at night."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from flows.cli.in_force import read_time
from flows.errors import TimeError

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (None, NOW),
        ("03:12", datetime(2024, 5, 1, 3, 12, tzinfo=UTC)),
        ("03:12:30", datetime(2024, 5, 1, 3, 12, 30, tzinfo=UTC)),
        ("2024-04-30T23:59", datetime(2024, 4, 30, 23, 59, tzinfo=UTC)),
        (
            "2024-04-30T23:59+02:00",
            datetime(2024, 4, 30, 23, 59, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_a_time_is_read_as_utc_unless_it_says_otherwise(text: str | None, time: datetime) -> None:
    assert read_time(text, NOW) == time


@pytest.mark.parametrize("text", ["yesterday", "25:00", "2024-13-01T00:00", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(TimeError, match="cannot be read"):
        read_time(text, NOW)
