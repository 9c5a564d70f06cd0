"""Scores by hand."""

import numpy as np
import pytest

from models.device_classifier.scores import score

COSTS = np.array([[1.0, 2.0], [4.0, 3.0], [1.0, 1.04], [np.nan, np.nan], [5.0, np.nan]])


def test_scores_are_what_they_are_by_hand() -> None:
    scores = score(COSTS, np.array([0, 0, 1, 1, 0]), np.array([1.0, 1.0, 0.0, 0.5, 1.0]))
    assert scores.n_rows == 4  # nothing is known of the fourth
    assert scores.accuracy == 0.5
    assert scores.accuracy_within_5_percent == 0.75
    assert scores.mean_regret == pytest.approx((1 / 3 + 0.04) / 4)
    assert scores.summed_regret == pytest.approx((1 + 4 + 1.04 + 5) / (1 + 3 + 1 + 5) - 1)
    assert scores.calibration_error == pytest.approx(1 / 4)


def test_a_choice_that_nobody_measured_is_never_right() -> None:
    costs = np.array([[np.nan, 1.0, 3.0], [np.nan, 1.0, np.nan]])
    scores = score(costs, np.array([0, 0]))
    assert scores.accuracy == 0.0
    assert scores.mean_regret == pytest.approx((2.0 + 1.0) / 2)
    assert scores.n_unmeasured == 2
