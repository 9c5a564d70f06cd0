"""The difference between two arms at equal load, with a confidence interval.

Blocks were put into arms at random, so their plain difference is unbiased; adjusting for the
load of each block, with a slope of its own in each arm (Lin, 2013, Annals of Applied Statistics
7:295), takes the variance of the load out of it. Errors are heteroscedasticity-robust (HC3) and
the interval uses Student's t with the degrees of freedom of the smaller arm, because a holdback
of 5 % is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_BLOCKS = 8
"""Of either arm; with fewer the answer is "not enough data yet"."""
N_COEFFICIENTS = 2
"""Each arm has a level and a slope."""


@dataclass(frozen=True, slots=True)
class Level:
    """Mean of one arm at the mean load of both, and its squared standard error."""

    mean: float
    variance: float
    n_blocks: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What an arm differs from the other by, at equal load."""

    treated: Level
    control: Level

    @property
    def difference(self) -> float:
        """Control less treated: what was saved."""
        return self.control.mean - self.treated.mean

    @property
    def standard_error(self) -> float:
        """Of the difference."""
        return float(np.sqrt(self.control.variance + self.treated.variance))

    @property
    def degrees_of_freedom(self) -> float:
        """Welch and Satterthwaite's, from those of each arm."""
        total = (self.control.variance + self.treated.variance) ** 2
        if total == 0.0:
            return float(self.control.n_blocks - N_COEFFICIENTS)
        parts = [
            level.variance**2 / (level.n_blocks - N_COEFFICIENTS)
            for level in (self.control, self.treated)
        ]
        return float(total / sum(parts))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Low and high end of the difference."""
        quantile = float(stats.t.ppf(0.5 + confidence / 2, self.degrees_of_freedom))
        half = quantile * self.standard_error
        return self.difference - half, self.difference + half


def effect_at_equal_load(
    values: NDArray[np.float64], loads: NDArray[np.float64], is_treated: NDArray[np.bool_]
) -> Effect | None:
    """Compare two arms over blocks; None: an arm has fewer than `LEAST_BLOCKS` of them.

    Args:
        values: shape (B,), what is compared, say mean watts of each block.
        loads: shape (B,), images a second of each block.
        is_treated: shape (B,).
    """
    centred = loads - loads.mean() if len(loads) else loads
    arms = [_level(values[arm], centred[arm]) for arm in (is_treated, ~is_treated)]
    treated, control = arms
    return None if treated is None or control is None else Effect(treated, control)


def _level(values: NDArray[np.float64], loads: NDArray[np.float64]) -> Level | None:
    """Least squares of one arm on its load, read at the mean load of both arms (0 here)."""
    n_blocks = len(values)
    if n_blocks < LEAST_BLOCKS:
        return None
    design = np.column_stack([np.ones(n_blocks), loads])
    inverse = np.linalg.pinv(design.T @ design)
    coefficients = inverse @ design.T @ values
    residuals = values - design @ coefficients
    leverage = np.clip(np.einsum("ij,jk,ik->i", design, inverse, design), 0.0, 0.999)
    weights = (residuals / (1.0 - leverage)) ** 2
    covariance = inverse @ (design.T * weights) @ design @ inverse
    return Level(float(coefficients[0]), float(covariance[0, 0]), n_blocks)
