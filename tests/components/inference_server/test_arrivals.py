import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.inference_server.arrivals import Arrivals
from components.inference_server.errors import LoadError


def test_arrivals_come_at_the_rate_and_spread_like_a_poisson_process():
    arrivals = Arrivals(50.0, seed=1, start_s=100.0)
    moments = arrivals.take_due(100.0 + 400.0)
    assert len(moments) == pytest.approx(20_000, rel=0.03)
    gaps = [b - a for a, b in pairwise(moments)]
    assert statistics.mean(gaps) == pytest.approx(1 / 50, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(1 / 50, rel=0.03)


@given(st.lists(st.floats(0.001, 5), min_size=1, max_size=20), st.integers(0, 99))
def test_however_often_one_looks_the_moments_are_the_same(steps, seed):
    often, once, now_s = Arrivals(3.0, seed, 0.0), Arrivals(3.0, seed, 0.0), 0.0
    moments = []
    for step in steps:
        now_s += step
        moments += often.take_due(now_s)
    assert moments == once.take_due(now_s)
    assert moments == sorted(moments)


def test_another_seed_gives_other_moments():
    assert Arrivals(1.0, 1, 0.0).take_due(9.0) != Arrivals(1.0, 2, 0.0).take_due(9.0)


def test_rate_zero_pauses_and_going_on_keeps_what_was_left():
    paused, steady = Arrivals(2.0, 5, 0.0), Arrivals(2.0, 5, 0.0)
    first_s = steady.next_s
    paused.change_rate(0.0, first_s / 2)
    assert paused.next_s == math.inf
    assert paused.take_due(1e6) == []
    paused.change_rate(2.0, 1e6)
    assert paused.next_s - 1e6 == pytest.approx(first_s / 2, abs=1e-6)


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.01, 0.99))
def test_twice_the_rate_halves_what_is_left(rate, factor, share):
    arrivals = Arrivals(rate, seed=3, start_s=0.0)
    now_s = arrivals.next_s * share
    left_s = arrivals.next_s - now_s
    arrivals.change_rate(rate * factor, now_s)
    assert arrivals.next_s - now_s == pytest.approx(left_s / factor)


@pytest.mark.parametrize("rate", [-1.0, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused_and_changes_nothing(rate):
    arrivals = Arrivals(4.0, seed=3, start_s=0.0)
    next_s = arrivals.next_s
    with pytest.raises(LoadError, match="a rate is a finite number, 0 or more"):
        arrivals.change_rate(rate, 0.01)
    assert (arrivals.rate_per_s, arrivals.next_s) == (4.0, next_s)
    with pytest.raises(LoadError):
        Arrivals(rate, 0, 0.0)
