"""Timing: done by the deadline whenever that was possible, at the least cost."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.planning.errors import DeferralError
from components.planning.timing import SAFETY, Deferrable, Pace, Slot, convex, place_in_time

PACES = tuple(Pace(float(n**0.9), 4.0 * n + 3.0, n) for n in (1, 2, 4, 8))
HOUR = 3600.0


def slots_of(costs: list[float], free: list[int]) -> list[Slot]:
    return [
        Slot(at * HOUR, HOUR, cost, cpus)
        for at, (cost, cpus) in enumerate(zip(costs, free, strict=True))
    ]


def work_done(n_cpus: tuple[int, ...], until_s: float) -> float:
    rates = {0: 0.0} | {p.n_cpus: p.rate_per_s for p in PACES}
    return sum(rates[n] * max(min(HOUR, until_s - at * HOUR), 0.0) for at, n in enumerate(n_cpus))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0.1, 10.0), min_size=1, max_size=8),
    st.integers(0, 2**32),
    st.floats(0.01, 1.5),
    st.integers(1, 8),
)
def test_the_deadline_is_kept_whenever_all_free_cpus_would_keep_it(
    costs: list[float], seed: int, share: float, until: int
) -> None:
    free = [(seed >> (4 * at)) % 9 for at in range(len(costs))]
    slots = slots_of(costs, free)
    fastest = tuple(max((p.n_cpus for p in PACES if p.n_cpus <= n), default=0) for n in free)
    most = work_done(fastest, until * HOUR)
    job = Deferrable("a", share * max(most, 1.0), until * HOUR)
    placed = place_in_time([job], lambda _: PACES, slots)["a"]
    if abs(job.work - most) > 1e-6:
        assert placed.is_late == (job.work > most)
    if not placed.is_late:
        assert work_done(placed.n_cpus, job.until_s) >= min(job.work, most) * (1 - 1e-9)
    assert all(n <= cpus for n, cpus in zip(placed.n_cpus, free, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.5, 5.0), min_size=3, max_size=4), st.floats(0.1, 0.8))
def test_no_other_placement_of_as_much_work_costs_less(costs: list[float], share: float) -> None:
    slots = slots_of(costs, [8] * len(costs))
    most = work_done((8,) * len(costs), len(costs) * HOUR)
    job = Deferrable("a", share * most, len(costs) * HOUR)
    placed = place_in_time([job], lambda _: PACES, slots)["a"]
    done = work_done(placed.n_cpus, job.until_s)
    power = {0: 0.0} | {p.n_cpus: p.power_w for p in PACES}
    best = min(
        sum(c * power[n] * HOUR for c, n in zip(costs, combination, strict=True))
        for combination in itertools.product([0, *(p.n_cpus for p in PACES)], repeat=len(costs))
        if work_done(combination, job.until_s) >= done - 1e-6
    )
    assert placed.cost <= best * (1 + 1e-9)


def test_work_waits_for_the_clean_hours_and_takes_the_dirty_ones_when_it_must() -> None:
    slots = slots_of([10.0, 1.0, 10.0], [8, 8, 8])
    little = place_in_time([Deferrable("a", 5.0 * HOUR, 3 * HOUR)], lambda _: PACES, slots)["a"]
    assert little.n_cpus[0] == little.n_cpus[2] == 0
    much = work_done((8, 8, 8), 3 * HOUR) / (1 + SAFETY)
    all_of_it = place_in_time([Deferrable("a", much, 3 * HOUR)], lambda _: PACES, slots)["a"]
    assert all_of_it.n_cpus == (8, 8, 8)


def test_a_power_cap_and_earlier_jobs_leave_less() -> None:
    slots = [Slot(0.0, HOUR, 1.0, 8, free_w=20.0), Slot(HOUR, HOUR, 1.0, 8, free_w=20.0)]
    jobs = [Deferrable("late", 4 * HOUR, 2 * HOUR), Deferrable("first", HOUR, HOUR, priority=1)]
    placed = place_in_time(jobs, lambda _: PACES, slots)
    watts = {0: 0.0} | {p.n_cpus: p.power_w for p in PACES}
    for at in range(2):
        assert sum(watts[p.n_cpus[at]] for p in placed.values()) <= 20.0
    assert not placed["first"].is_late
    assert placed["late"].is_late


def test_paces_that_waste_power_are_left_out() -> None:
    wasteful = Pace(1.5, 100.0, 3)
    assert wasteful not in convex([*PACES, wasteful])
    with pytest.raises(DeferralError, match="no allocation does any"):
        convex([Pace(0.0, 5.0, 1)])
    with pytest.raises(DeferralError, match="no work"):
        Deferrable("a", math.nan, 0.0)
