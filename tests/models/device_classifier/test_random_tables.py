"""On tables of any kind our choices are not worse than the best baseline beyond noise."""

import numpy as np
import pytest

from models.device_classifier.random_tables import random_table
from models.device_classifier.stress import pooled, stress


def test_the_same_seed_draws_the_same_table() -> None:
    one, other = random_table(4).table, random_table(4).table
    assert np.array_equal(one.measured["latency"], other.measured["latency"], equal_nan=True)
    assert random_table(4, n_rows=50).table.features.shape[0] == 50


def test_choices_are_not_worse_than_the_best_baseline_beyond_noise() -> None:
    found = stress([1003])
    assert [each.n_rows for each in found] == [50]
    assert not any(each.is_worse_beyond_noise for each in found)
    assert all(each.best >= 0 and each.ours >= 0 for each in found)


def test_the_excess_of_many_tables_has_an_interval() -> None:
    mean, half = pooled([0.1, -0.1, 0.1, -0.1])
    assert mean == pytest.approx(0.0)
    assert half == pytest.approx(1.96 * 0.11547 / 2, rel=1e-4)
