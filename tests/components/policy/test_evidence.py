from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.policy.evidence import Readings, add_readings, judge, no_evidence

TARGET = np.asarray([0.0])


def seen(readings, sigma=0.01, n_candidates=3):
    evidence = no_evidence(np.asarray([sigma]), n_candidates)
    for candidate, latency, n_windows, cut in readings:
        evidence = add_readings(
            evidence,
            Readings(
                np.asarray([0]),
                np.asarray([candidate]),
                np.asarray([latency]),
                np.asarray([float(candidate)]),
                np.asarray([float(n_windows)]),
                np.asarray([cut]),
            ),
        )
    return evidence


@pytest.mark.parametrize(
    ("latency", "n_windows", "accepted", "refused"),
    [
        (-0.021, 1, True, False),
        (-0.019, 1, False, False),
        (-0.0101, 4, True, False),
        (0.019, 1, False, False),
        (0.021, 1, False, True),
        (0.0101, 4, False, True),
    ],
)
def test_the_mean_must_lie_two_standard_errors_from_the_target(
    latency, n_windows, accepted, refused
):
    verdicts = judge(seen([(0, latency, n_windows, False)]), TARGET)
    assert verdicts.accepted[0, 0] == accepted
    assert verdicts.refused[0, 0] == refused


def test_a_window_cut_short_refuses_whatever_its_mean():
    verdicts = judge(seen([(0, -0.5, 1, True)]), TARGET)
    assert verdicts.refused[0, 0]
    assert not verdicts.accepted[0, 0]


def test_the_incumbent_is_the_cheapest_accepted_candidate():
    verdicts = judge(seen([(2, -0.5, 1, False), (1, -0.5, 1, False), (0, 0.5, 1, False)]), TARGET)
    assert verdicts.incumbent[0] == 1


def test_without_anything_accepted_there_is_no_incumbent():
    assert judge(seen([(0, 0.5, 1, False)]), TARGET).incumbent[0] == -1


@given(st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=8))
def test_repeats_are_averaged_and_their_spread_is_learned(latencies):
    evidence = seen([(0, x, 1, False) for x in latencies], sigma=0.01)
    assert evidence.latency_log[0, 0] == pytest.approx(np.mean(latencies), abs=1e-9)
    squares = 2.0 * 0.01**2 + np.sum((np.asarray(latencies) - np.mean(latencies)) ** 2)
    assert evidence.sigma[0] ** 2 == pytest.approx(squares / (2.0 + len(latencies) - 1))


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(1, 20))
def test_a_longer_window_counts_as_many_times_as_it_is_long(first, second, n_windows):
    long = seen([(0, first, 1, False), (0, second, n_windows, False)])
    mean = (first + n_windows * second) / (1 + n_windows)
    assert long.latency_log[0, 0] == pytest.approx(mean, abs=1e-9)


def test_taking_in_readings_leaves_the_old_evidence_alone():
    before = seen([(0, -0.5, 1, False)])
    kept = before.latency_log.copy()
    add_readings(
        before,
        Readings(
            np.asarray([0]),
            np.asarray([0]),
            np.asarray([1.0]),
            np.asarray([1.0]),
            np.asarray([1.0]),
            np.asarray([True]),
        ),
    )
    np.testing.assert_array_equal(before.latency_log, kept)
    assert not before.ruled_out.any()
