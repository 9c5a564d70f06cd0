from __future__ import annotations

import bisect
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.jobs.target import Statistic
from components.telemetry.errors import ReadingError
from components.telemetry.meters import LatencySnapshot
from components.telemetry.window import LatencyWindow, requests_needed

BOUNDS_S = tuple(0.0005 * 1.09**i for i in range(97))
ZERO = LatencySnapshot(BOUNDS_S, (0,) * (len(BOUNDS_S) + 1), 0.0, 0, 0, 0)


def after(latencies_s: list[float], before: LatencySnapshot = ZERO) -> LatencySnapshot:
    """What a server counts once it has answered requests of these latencies, two images each."""
    counts = list(before.counts)
    for latency_s in latencies_s:
        counts[bisect.bisect_left(before.bounds_s, latency_s)] += 1
    return LatencySnapshot(
        before.bounds_s,
        tuple(counts),
        before.sum_s + sum(latencies_s),
        before.n_requests + len(latencies_s),
        before.n_images + 2 * len(latencies_s),
        before.n_received + len(latencies_s) + 1,
    )


def window_of(latencies_s: list[float]) -> LatencyWindow:
    return LatencyWindow.between(ZERO, after(latencies_s), 2.0)


def test_a_window_holds_only_what_came_within_it() -> None:
    before = after([1.0, 1.0])
    window = LatencyWindow.between(before, after([0.004, 0.006], before), 2.0)
    assert window.mean_ms == pytest.approx(5.0)
    assert (window.n_requests, window.n_images, window.n_received) == (2, 4, 3)
    assert (window.served_rate_per_s, window.offered_rate_per_s) == (1.0, 1.5)


def test_nothing_answered_is_not_observed() -> None:
    window = window_of([])
    assert window.mean_ms is None
    assert window.quantile_ms(0.95) is None
    assert window.latency_ms(Statistic.MEAN) is None
    assert window.served_rate_per_s == 0.0


@given(
    st.lists(st.floats(0.001, 1.5), min_size=1, max_size=300),
    st.sampled_from([0.5, 0.95, 0.99]),
)
def test_a_quantile_is_within_a_bucket_of_the_true_one(latencies_s: list[float], q: float) -> None:
    true_s = sorted(latencies_s)[math.ceil(q * len(latencies_s)) - 1]
    found_ms = window_of(latencies_s).quantile_ms(q)
    assert found_ms is not None
    assert true_s / 1.091 <= found_ms / 1000 <= true_s * 1.091


@given(st.lists(st.floats(0.0001, 10.0), min_size=1, max_size=100))
def test_quantiles_never_fall_with_q(latencies_s: list[float]) -> None:
    window = window_of(latencies_s)
    found = [window.quantile_ms(q / 20) or 0.0 for q in range(1, 20)]
    assert found == sorted(found)


def test_interpolation_is_linear_within_a_bucket() -> None:
    window = LatencyWindow((0.01, 0.02), (0, 4, 0), 0.06, 4, 4, 4, 1.0)
    assert window.quantile_ms(0.25) == pytest.approx(12.5)
    assert window.quantile_ms(0.75) == pytest.approx(17.5)


def test_beyond_the_last_bound_the_sum_tells_how_long_it_took() -> None:
    window = LatencyWindow((0.01, 0.02), (2, 0, 2), 2 * 0.005 + 2 * 7.0, 4, 4, 4, 1.0)
    assert window.quantile_ms(0.95) == pytest.approx(7000.0)


def test_beyond_the_last_bound_is_never_below_it() -> None:
    window = LatencyWindow((0.01,), (1, 1), 0.0, 2, 2, 2, 1.0)
    assert window.quantile_ms(0.95) == pytest.approx(10.0)


def test_a_restarted_server_is_no_window() -> None:
    with pytest.raises(ReadingError, match="restarted"):
        LatencyWindow.between(after([0.1] * 5), after([0.1] * 2), 1.0)


def test_one_counter_that_fell_is_enough() -> None:
    before = after([0.1] * 5)
    for broken in (
        replace(before, n_images=3),
        replace(before, n_received=3),
        replace(before, sum_s=0.1),
        replace(before, n_requests=7),
    ):
        with pytest.raises(ReadingError, match="a counter fell"):
            LatencyWindow.between(before, broken, 1.0)


def test_other_buckets_are_no_window() -> None:
    other = LatencySnapshot((1.0,), (0, 0), 0.0, 0, 0, 0)
    with pytest.raises(ReadingError, match="buckets"):
        LatencyWindow.between(ZERO, other, 1.0)


@pytest.mark.parametrize("elapsed_s", [0.0, -1.0])
def test_no_time_is_no_window(elapsed_s: float) -> None:
    with pytest.raises(ReadingError, match="passed"):
        LatencyWindow.between(ZERO, ZERO, elapsed_s)


@pytest.mark.parametrize(
    ("statistic", "needed"),
    [(Statistic.MEAN, 100), (Statistic.P95, 400), (Statistic.P99, 2000)],
)
def test_a_tail_needs_more_requests_than_a_mean(statistic: Statistic, needed: int) -> None:
    assert requests_needed(statistic) == needed
    assert not window_of([0.005] * (needed - 1)).is_judgeable(statistic)
    assert window_of([0.005] * needed).is_judgeable(statistic)


def test_the_least_number_for_a_mean_can_be_chosen() -> None:
    assert window_of([0.005] * 50).is_judgeable(Statistic.MEAN, min_requests=50)
    assert not window_of([0.005] * 50).is_judgeable(Statistic.P95, min_requests=50)


def test_the_statistic_of_a_target_is_found() -> None:
    window = window_of([0.004] * 94 + [0.1] * 6)
    assert window.latency_ms(Statistic.MEAN) == window.mean_ms
    assert window.latency_ms(Statistic.P95) == window.quantile_ms(0.95)
    assert (window.latency_ms(Statistic.P99) or 0) > 90
