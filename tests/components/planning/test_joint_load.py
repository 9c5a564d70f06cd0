"""The load to be ready for, and what load does to latency."""

from __future__ import annotations

import numpy as np
import pytest

from components.planning.joint_load import HALF_LIFE_S, LoadTrack, log_waiting, uses_of


def track_of(*rates: float) -> LoadTrack:
    track = LoadTrack()
    for number, rate in enumerate(rates):
        track.observe(10.0 * number, rate)
    return track


def test_a_steady_load_is_planned_as_it_is() -> None:
    assert track_of(*[100.0] * 20).planned_rate(190.0) == pytest.approx(100.0)


def test_a_rise_is_expected_to_go_on_and_a_fall_is_not_trusted() -> None:
    rising = track_of(*np.linspace(100, 120, 13))
    assert rising.planned_rate(120.0) > 125.0
    assert 120.0 < rising.rate_soon(120.0) < rising.planned_rate(120.0)
    falling = track_of(*np.linspace(120, 100, 13))
    assert 100.0 < falling.planned_rate(120.0) <= 120.0


def test_a_load_that_swells_is_not_steady_and_one_that_jitters_is() -> None:
    assert not track_of(*np.linspace(100, 106, 13)).is_steady(120.0)
    assert track_of(*([100.0, 100.4] * 7)).is_steady(130.0)


def test_a_peak_is_forgotten_by_half_lives() -> None:
    track = track_of(200.0, 100.0)
    track.observe(HALF_LIFE_S, 100.0)
    assert track.planned_rate(HALF_LIFE_S) == pytest.approx(150.0)


def test_waiting_grows_without_end_towards_full_use() -> None:
    waiting = log_waiting(np.linspace(0.0, 1.5, 100))
    assert waiting[0] == 0.0
    assert (np.diff(waiting) > 0).all()


def test_use_follows_from_latency_and_one_known_pair() -> None:
    service = np.asarray([1.0, 2.0, 4.0])
    use = 0.2 * service
    latency = np.log(service) + log_waiting(use)
    assert uses_of(latency, float(latency[0]), 0.2) == pytest.approx(use, rel=1e-3)
