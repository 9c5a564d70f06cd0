"""The comparison of arms: what it promises holds in simulation, looked at after every pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.planning.sequential import Tally, is_above, is_below, log_evidence, tally

ALPHA, SCALE = 0.05, 20.0
N_TRIALS, N_PAIRS = 2000, 150


def ever_above(differences: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """For each row, after how many pairs the test speaks; 0: never."""
    total, squares = differences.cumsum(axis=1), (differences**2).cumsum(axis=1)
    spread = 1 + SCALE**2 * squares
    at = SCALE * total / np.sqrt(spread)
    cdf = np.vectorize(lambda z: math.log(0.5 * math.erfc(-z / math.sqrt(2))))(at)
    speaks = math.log(2) - 0.5 * np.log(spread) + 0.5 * at**2 + cdf >= -math.log(alpha)
    return np.where(speaks.any(axis=1), speaks.argmax(axis=1) + 1, 0)


@pytest.mark.parametrize(
    "noise",
    [
        lambda rng, shape: rng.normal(0, 0.015, shape),
        lambda rng, shape: rng.standard_t(2, shape) * 0.02,
        lambda rng, shape: rng.normal(0, 0.01, shape) + 0.5 * (rng.random(shape) < 0.02),
    ],
    ids=["normal", "heavy tails", "rare outliers of one sign in the noise"],
)
def test_without_a_difference_it_speaks_in_at_most_five_percent_of_experiments(noise):
    rng = np.random.default_rng(1)
    values = noise(rng, (N_TRIALS, N_PAIRS))
    differences = values * rng.choice([-1.0, 1.0], values.shape)  # who goes first is a coin's word

    assert (ever_above(differences) > 0).mean() <= ALPHA


def test_a_regression_of_five_percent_is_found_within_a_few_pairs():
    rng = np.random.default_rng(2)
    differences = rng.normal(0.05, 0.02, (N_TRIALS, N_PAIRS))

    found = ever_above(differences, ALPHA / 3)

    assert (found > 0).mean() >= 0.99
    assert np.median(found) <= 15


def test_a_gain_is_not_taken_for_a_loss():
    rng = np.random.default_rng(3)
    differences = rng.normal(-0.05, 0.02, (200, N_PAIRS))

    assert not ever_above(differences).any()
    assert is_below(tally(differences[0]), SCALE, ALPHA)
    assert not is_above(tally(differences[0]), SCALE, ALPHA)


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_one_pair_never_decides_alone(difference):
    assert not is_above(Tally().add(difference), SCALE, ALPHA)


@given(st.lists(st.floats(-1, 1), max_size=60), st.sampled_from([5.0, 20.0, 200.0]))
def test_the_evidence_is_always_a_number(differences, scale):
    assert math.isfinite(log_evidence(tally(differences), scale))


def test_what_is_no_number_counts_as_no_pair():
    assert tally([0.1, math.nan, math.inf]) == tally([0.1])
    assert Tally().mean is None
