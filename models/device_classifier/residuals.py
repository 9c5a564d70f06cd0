"""Residual learners: from features [N, V] to what is left of log costs, [N, C]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.trees import grow_regression

if TYPE_CHECKING:
    from models.device_classifier.table import FloatArray
    from models.device_classifier.trees import Trees

MOST_KERNEL_ROWS = 700
WIDTHS = (0.7, 1.5, 3.0)  # of the kernel, times the square root of the number of features
SHRINKS = (1e-3, 1e-2, 1e-1, 1.0)  # added to the diagonal of the kernel
REACH = 1.0  # residuals are held within the training range widened by this share of it


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """`x @ slopes + intercept`; slopes [V, C]."""

    slopes: FloatArray
    intercept: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Predict, [N, C]."""
        return np.asarray(x @ self.slopes + self.intercept)


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A linear part plus a smooth one: `linear(x) + exp(-|x - point|² / scale) @ weights`."""

    linear: Linear
    points: FloatArray
    scale: float
    weights: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Predict, [N, C]."""
        return np.asarray(self.linear(x) + _similarity(x, self.points, self.scale) @ self.weights)


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What was fitted, never far outside of what was seen: held within low and high, [C]."""

    fitted: Linear | Kernel | Trees
    low: FloatArray
    high: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Predict, [N, C]."""
        return np.asarray(np.clip(self.fitted(x), self.low, self.high))


def fit_residuals(
    kind: str, x: FloatArray, y: FloatArray, n_trees: int, most_leaves: int | None, seed: int
) -> Residuals:
    """Fit one of `ridge`, `kernel`, `trees`."""
    fitted: Linear | Kernel | Trees
    if kind == "ridge":
        fitted = _ridge(x, y)
    elif kind == "kernel":
        fitted = _kernel(x, y, seed)
    else:
        fitted = grow_regression(x, y, n_trees, most_leaves, seed)
    low, high = y.min(axis=0), y.max(axis=0)
    room = REACH * (high - low)
    return Residuals(fitted, low - room, high + room)


def _ridge(x: FloatArray, y: FloatArray) -> Linear:
    from sklearn.linear_model import RidgeCV

    center, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1.0
    model = RidgeCV(alphas=(0.1, 1.0, 10.0, 100.0))
    model.fit((x - center) / spread, y)
    slopes = np.reshape(model.coef_, (y.shape[1], -1)).T / spread[:, None]
    return Linear(slopes, np.asarray(model.intercept_ - center @ slopes))


def _kernel(x: FloatArray, y: FloatArray, seed: int) -> Kernel:
    """Width and shrinkage by leave-one-out error."""
    if len(x) > MOST_KERNEL_ROWS:
        rows = np.random.default_rng(seed).choice(len(x), MOST_KERNEL_ROWS, replace=False)
        x, y = x[rows], y[rows]
    linear = _ridge(x, y)
    rest = y - linear(x)
    least, best = np.inf, Kernel(linear, x, 1.0, np.zeros_like(rest))
    for width in WIDTHS:
        scale = 2.0 * width**2 * x.shape[1]
        values, vectors = np.linalg.eigh(_similarity(x, x, scale))
        turned = vectors.T @ rest
        for shrink in SHRINKS:
            inverse = 1.0 / (np.maximum(values, 0.0) + shrink)
            weights = vectors @ (inverse[:, None] * turned)
            diagonal = (vectors**2) @ inverse
            error = float(np.mean((weights / diagonal[:, None]) ** 2))
            if error < least:
                least, best = error, Kernel(linear, x, scale, weights)
    return best


def _similarity(a: FloatArray, b: FloatArray, scale: float) -> FloatArray:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(squared, 0.0) / scale))
