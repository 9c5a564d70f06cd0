"""Stated probabilities are worth what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.device_classifier.confidence import (
    drawn,
    expected_calibration_error,
    fit_calibration,
    outlook_of_costs,
    outlook_of_probabilities,
)
from models.device_classifier.sureness import MOST, sure_from


def test_choices_that_claim_too_much_are_brought_down() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0.5, 0.95, size=4000)
    is_right = rng.random(4000) < true
    claimed = true**0.3
    calibrated = fit_calibration(claimed[:2000], is_right[:2000])(claimed[2000:])
    before = expected_calibration_error(claimed[2000:], is_right[2000:])
    assert before > 0.1
    assert expected_calibration_error(calibrated, is_right[2000:]) < 0.03


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    st.floats(0, 1),
)
def test_a_probability_lies_above_0_and_at_most_at_1(
    seen: list[tuple[float, bool]], asked: float
) -> None:
    p = np.array([each[0] for each in seen])
    found = fit_calibration(p, np.array([each[1] for each in seen]))(np.array([asked]))
    assert 0 < found[0] <= 1


def test_the_probability_of_two_devices_is_that_of_their_difference() -> None:
    rng = np.random.default_rng(1)
    residuals = rng.normal(size=(4000, 2)) * 0.1
    outlook = outlook_of_costs(np.tile([0.0, 0.1], (50, 1)), drawn(residuals, seed=2))
    assert outlook.p[:, 0].mean() == pytest.approx(0.76, abs=0.09)  # of the normal: 0.1/(0.1√2)
    assert set(outlook.chosen.tolist()) == {0}


def test_a_device_that_is_out_of_the_question_is_never_chosen() -> None:
    outlook = outlook_of_costs(np.array([[np.inf, 5.0]]), np.zeros((3, 2)))
    assert outlook.chosen.tolist() == [1]
    assert outlook.p[0].tolist() == [0.0, 1.0]


def test_a_small_chance_of_disaster_outweighs_a_likely_small_gain() -> None:
    residuals = np.array([[0.0, 0.02]] * 8 + [[1.0, 0.0]] * 2)
    outlook = outlook_of_costs(np.zeros((1, 2)), residuals)
    assert outlook.p[0, 0] > outlook.p[0, 1]
    assert outlook.chosen.tolist() == [1]


def test_without_costs_the_likeliest_is_chosen() -> None:
    assert outlook_of_probabilities(np.array([[0.2, 0.5, 0.3]])).chosen.tolist() == [1]


def test_few_right_choices_make_no_low_probability_sure() -> None:
    assert sure_from(np.full(98, 0.75), np.full(98, True)) == MOST
    assert sure_from(np.full(99, 0.75), np.full(99, True)) < 0.75
