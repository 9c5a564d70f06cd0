"""Work that may wait: when it runs, on how many CPUs, and what it is told while it waits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.planning.deferring import Supply, Work, divide

NOW_S = 1_800_000_000.0
HOUR_S = 3600.0


def work(left_cpu_s: float = 600.0, until_h: float = 4.0, **more: object) -> Work:
    values = {"job": "batch", "left_cpu_s": left_cpu_s, "n_cpus": 0, **more}
    return Work(until_s=NOW_S + until_h * HOUR_S, **values)


def clean_after(hours: float):
    return lambda at_s: 100.0 if at_s >= NOW_S + hours * HOUR_S else 400.0


SUPPLY = Supply(now_s=NOW_S, n_cpus=4, cost=clean_after(2.0))


def test_it_waits_for_the_cheap_hours_and_says_from_when_on_it_runs():
    verdict = divide([work()], SUPPLY)["batch"]

    assert verdict.n_cpus == 0
    assert verdict.begins_s >= NOW_S + 2.0 * HOUR_S
    assert "400" in verdict.reason
    assert not verdict.is_late


def test_once_it_is_cheap_it_runs_on_what_is_spare():
    later = replace(SUPPLY, now_s=NOW_S + 2.1 * HOUR_S)

    assert divide([work()], later)["batch"].n_cpus == 4


def test_work_that_fills_its_time_does_not_wait():
    verdict = divide([work(left_cpu_s=3.6 * 4 * HOUR_S)], SUPPLY)["batch"]

    assert verdict.n_cpus == 4
    assert not verdict.is_late


def test_what_cannot_be_done_in_time_runs_at_once_and_says_so():
    verdict = divide([work(left_cpu_s=5.0 * 4 * HOUR_S)], SUPPLY)["batch"]

    assert verdict.n_cpus == 4
    assert verdict.is_late


def test_after_its_deadline_it_runs_on():
    verdict = divide([work(until_h=-1.0)], SUPPLY)["batch"]

    assert (verdict.n_cpus, verdict.is_late) == (4, True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"n_cpus": 0}, "0 CPUs are free"),
        ({"watts": 3.0, "watts_per_cpu": 5.0}, "leaves 3.0 W"),
        ({"watts": -20.0, "watts_per_cpu": 5.0}, "leaves 0.0 W"),
        ({"watts": None}, "power cannot be read"),
    ],
)
def test_it_waits_where_there_is_no_room_for_it_and_says_why(changes, reason):
    verdict = divide([work(n_cpus=2)], replace(SUPPLY, cost=lambda _: 1.0, **changes))["batch"]

    assert verdict.n_cpus == 0
    assert reason in verdict.reason


def test_a_power_cap_narrows_it():
    capped = replace(SUPPLY, cost=lambda _: 1.0, watts=11.0, watts_per_cpu=5.0)

    assert divide([work()], capped)["batch"].n_cpus == 2


def test_what_runs_on_is_narrowed_by_a_cap_however_little():
    capped = replace(SUPPLY, cost=lambda _: 1.0, watts=19.5, watts_per_cpu=5.0)

    assert divide([work(n_cpus=4)], capped)["batch"].n_cpus == 3


@pytest.mark.parametrize("n_cpus", [0, 2])
def test_while_a_service_is_searched_for_it_stays_as_it_is(n_cpus):
    supply = replace(SUPPLY, is_searching=True)

    assert divide([work(n_cpus=n_cpus)], supply)["batch"].n_cpus == n_cpus


def test_a_search_does_not_hold_up_what_presses():
    supply = replace(SUPPLY, is_searching=True)

    assert divide([work(left_cpu_s=3.3 * 4 * HOUR_S)], supply)["batch"].n_cpus == 4


def test_a_job_of_one_thread_is_not_given_a_second_cpu():
    seen = {4: 1.0}

    assert divide([work(rates=seen)], replace(SUPPLY, cost=lambda _: 1.0))["batch"].n_cpus == 1


def test_the_more_important_one_comes_first():
    works = [work(job="slow", max_cpus=3), work(job="urgent", max_cpus=3, priority=1)]

    verdicts = divide(works, replace(SUPPLY, cost=lambda _: 1.0))

    assert {job: v.n_cpus for job, v in verdicts.items()} == {"urgent": 3, "slow": 1}


@settings(max_examples=40, deadline=None)
@given(
    left_h=st.floats(0.01, 0.9),
    n_cpus=st.integers(1, 8),
    costs=st.lists(st.floats(1.0, 500.0), min_size=4, max_size=4),
    slowness=st.floats(0.95, 1.0),
)
def test_whatever_the_price_does_work_that_fits_is_done_by_its_deadline(
    left_h, n_cpus, costs, slowness
):
    """Lived through in steps of five minutes; what is free stays, a CPU does a little less."""
    left_cpu_s, step_s = left_h * 4.0 * n_cpus * HOUR_S * 0.9, 300.0
    for step in range(round(4.0 * HOUR_S / step_s)):
        now_s = NOW_S + step * step_s
        supply = Supply(
            now_s=now_s,
            n_cpus=n_cpus,
            cost=lambda at_s: costs[min(int((at_s - NOW_S) // HOUR_S), 3)],
        )
        n_given = divide([work(left_cpu_s=left_cpu_s)], supply)["batch"].n_cpus
        left_cpu_s = max(left_cpu_s - n_given * slowness * step_s, 0.0)
        if math.isclose(left_cpu_s, 0.0, abs_tol=1e-6):
            return

    raise AssertionError(f"{left_cpu_s:.0f} CPU seconds are left at the deadline")
