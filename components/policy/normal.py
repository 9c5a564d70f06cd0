"""The normal distribution over arrays, without scipy, which the node does not carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOT_TWO_PI = float(np.sqrt(2.0 * np.pi))
# Abramowitz and Stegun 7.1.26; the absolute error of erf is below 1.5e-7
_P = 0.3275911
_A = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of the standard normal distribution."""
    return np.asarray(np.exp(-0.5 * x * x) / _ROOT_TWO_PI)


def cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that a standard normal variable is below x, to 1e-7."""
    z = np.abs(x) / np.sqrt(2.0)
    t = 1.0 / (1.0 + _P * z)
    poly = t * (_A[0] + t * (_A[1] + t * (_A[2] + t * (_A[3] + t * _A[4]))))
    upper = 0.5 * poly * np.exp(-z * z)
    return np.asarray(np.where(x < 0.0, upper, 1.0 - upper))


def mean_above_zero(mean: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of max(X, 0) where X is normal."""
    z = mean / sigma
    return np.asarray(np.maximum(mean * cdf(z) + sigma * density(z), 0.0))
