"""A day of deferrable work on a trace with a daily swing."""

from __future__ import annotations

import pytest

from components.planning.signals import Quantity, read_signal
from components.simulation.deferred import draw_day, run_day
from components.simulation.scenario import read_scenario, shipped_scenarios

SEEDS = range(20, 26)


def test_placed_by_carbon_no_feasible_deadline_is_missed_and_carbon_falls() -> None:
    scenario = read_scenario(shipped_scenarios()["deadline-batch"])
    carbon = read_signal(scenario.folder / scenario.carbon, Quantity.CARBON)
    at_once_g = placed_g = 0.0
    for seed in SEEDS:
        day = draw_day(scenario, carbon, seed)
        at_once, placed = (run_day(day, is_placed=flag) for flag in (False, True))
        assert not set(placed.missed) & set(placed.feasible)
        for slot, free in enumerate(day.free_cpus):
            assert sum(counts[slot] for counts in placed.n_cpus.values()) <= free
        assert placed.carbon_g <= at_once.carbon_g
        at_once_g += at_once.carbon_g
        placed_g += placed.carbon_g
    assert placed_g <= 0.85 * at_once_g


def test_the_same_seed_lives_the_same_day() -> None:
    scenario = read_scenario(shipped_scenarios()["deadline-batch"])
    carbon = read_signal(scenario.folder / scenario.carbon, Quantity.CARBON)
    first, again = (run_day(draw_day(scenario, carbon, 3), is_placed=True) for _ in range(2))
    assert first.carbon_g == pytest.approx(again.carbon_g)
