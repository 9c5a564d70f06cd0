from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.policy import normal


@given(st.floats(-8.0, 8.0))
def test_cdf_agrees_with_the_error_function(x):
    exact = 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))
    assert normal.cdf(np.asarray([x]))[0] == pytest.approx(exact, abs=2e-7)


@given(st.floats(-2.0, 2.0), st.floats(0.05, 2.0))
def test_mean_above_zero_agrees_with_a_sum_over_the_density(mean, sigma):
    x = np.linspace(mean - 10 * sigma, mean + 10 * sigma, 20_001)
    weights = normal.density((x - mean) / sigma) / sigma
    exact = float((np.maximum(x, 0.0) * weights).sum() * (x[1] - x[0]))
    found = normal.mean_above_zero(np.asarray([mean]), np.asarray([sigma]))[0]
    assert found == pytest.approx(exact, abs=1e-4)
