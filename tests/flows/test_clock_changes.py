"""Schedules over the change of the clocks: one run a day, and ours know no change at all."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from prefect.client.schemas.schedules import CronSchedule as OurCron
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.server.schemas.schedules import CronSchedule

from flows.serve import deployments

DAY_S = 86_400.0
BERLIN = ZoneInfo("Europe/Berlin")
FORWARD, BACK = date(2027, 3, 28), date(2027, 10, 31)
"""Days on which 02:30 is not there, and is there twice."""


def runs(schedule: CronSchedule, first: date, n_days: int) -> list[datetime]:
    """When the server would have it run, from a day on."""
    start = datetime(
        first.year, first.month, first.day, tzinfo=ZoneInfo(schedule.timezone or "UTC")
    )
    end = start + timedelta(days=n_days) - timedelta(minutes=1)
    return list(asyncio.run(schedule.get_dates(n=100, start=start, end=end)))


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 2 * * *", "0 3 * * *", "30 1 * * *"])
@pytest.mark.parametrize("change", [FORWARD, BACK])
def test_a_nightly_schedule_edited_to_local_time_runs_once_a_day(cron: str, change: date) -> None:
    schedule = CronSchedule(cron=cron, timezone="Europe/Berlin")
    found = runs(schedule, change - timedelta(days=2), 5)
    days = [when.astimezone(BERLIN).date() for when in found]
    assert days == [change + timedelta(days=number) for number in range(-2, 3)]


@pytest.mark.parametrize("change", [FORWARD, BACK])
def test_our_own_schedules_keep_their_distance(change: date) -> None:
    made = [each.schedule for one in deployments() for each in one.schedules or ()]
    crons = [each for each in made if isinstance(each, OurCron)]
    others = [each for each in made if not isinstance(each, OurCron)]
    assert all(isinstance(each, IntervalSchedule) for each in others)
    for ours in crons:
        schedule = CronSchedule(cron=ours.cron, timezone=ours.timezone)
        found = runs(schedule, change - timedelta(days=8), 30)
        gaps_s = {(later - earlier).total_seconds() for earlier, later in pairwise(found)}
        assert gaps_s in ({DAY_S}, {7 * DAY_S})
        assert {when.astimezone(UTC).hour for when in found} == {int(ours.cron.split()[1])}
    assert len(crons) >= 3
