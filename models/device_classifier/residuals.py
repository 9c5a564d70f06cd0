"""Residual learners: from features [N, V] to what is left of log costs, [N, C]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.trees import grow_regression

if TYPE_CHECKING:
    from models.device_classifier.table import FloatArray, IntArray
    from models.device_classifier.trees import Trees

MOST_KERNEL_ROWS = 700
WIDTHS = (0.7, 1.5, 3.0)  # of the kernel, times the square root of the number of features
SHRINKS = (1e-3, 1e-2, 1e-1, 1.0)  # added to the diagonal of the kernel
RIDGES = (0.1, 1.0, 10.0, 100.0, 1000.0)
MOST_SHRINK_ROWS = 1500  # enough to tell how strong a ridge shall be
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
    kind: str,
    x: FloatArray,
    y: FloatArray,
    units: IntArray,
    n_trees: int,
    most_leaves: int | None,
    seed: int,
) -> Residuals:
    """Fit one of `ridge`, `kernel`, `trees` to [N, V] and [N, C]; units [N] as in `Task`."""
    fitted: Linear | Kernel | Trees
    if kind == "ridge":
        fitted = _ridge(x, y, units)
    elif kind == "kernel":
        fitted = _kernel(x, y, units, seed)
    else:
        fitted = grow_regression(x, y, n_trees, most_leaves, seed)
    low, high = y.min(axis=0), y.max(axis=0)
    room = REACH * (high - low)
    return Residuals(fitted, low - room, high + room)


def _ridge(x: FloatArray, y: FloatArray, units: IntArray) -> Linear:
    """Shrinkage by the error on units left out."""
    center, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1.0
    standard, mean = (x - center) / spread, y.mean(axis=0)
    step = len(x) // MOST_SHRINK_ROWS + 1
    shrink = _best_shrink(standard[::step], (y - mean)[::step], units[::step])
    square = standard.T @ standard + shrink * np.eye(x.shape[1])
    slopes = np.linalg.solve(square, standard.T @ (y - mean)) / spread[:, None]
    return Linear(slopes, np.asarray(mean - center @ slopes))


def _best_shrink(x: FloatArray, y: FloatArray, units: IntArray) -> float:
    left, sizes, _ = np.linalg.svd(x, full_matrices=False)
    turned, together = left.T @ y, _together(units)
    errors = []
    for shrink in RIDGES:
        kept = sizes**2 / (sizes**2 + shrink)
        missed = y - left @ (kept[:, None] * turned)
        weights = np.column_stack([left * np.sqrt(kept), np.full(len(x), len(x) ** -0.5)])
        errors.append(sum(_missed_left_out(missed[r], weights[r]) for r in together))
    return RIDGES[int(np.argmin(errors))]


def _missed_left_out(missed: FloatArray, weights: FloatArray) -> float:
    """Sum of squares of what a unit's rows would be missed by, had it not been learned from.

    Args:
        missed: [R, C] by what was learned with it.
        weights: [R, W], by which `weights @ weights.T` is its own part in what is predicted of it.
    """
    if len(weights) <= weights.shape[1]:
        found = np.linalg.solve(_full(np.eye(len(weights)) - weights @ weights.T), missed)
    else:  # the same by a smaller matrix
        inner = _full(np.eye(weights.shape[1]) - weights.T @ weights)
        found = missed + weights @ np.linalg.solve(inner, weights.T @ missed)
    return float(np.sum(found**2))


def _kernel(x: FloatArray, y: FloatArray, units: IntArray, seed: int) -> Kernel:
    """Width and shrinkage by the error on units left out."""
    if len(x) > MOST_KERNEL_ROWS:
        rows = np.random.default_rng(seed).choice(len(x), MOST_KERNEL_ROWS, replace=False)
        x, y, units = x[rows], y[rows], units[rows]
    linear = _ridge(x, y, units)
    rest = y - linear(x)
    least, best = np.inf, Kernel(linear, x, 1.0, np.zeros_like(rest))
    together = _together(units)
    for width in WIDTHS:
        scale = 2.0 * width**2 * x.shape[1]
        values, vectors = np.linalg.eigh(_similarity(x, x, scale))
        turned = vectors.T @ rest
        for shrink in SHRINKS:
            inverse = 1.0 / (np.maximum(values, 0.0) + shrink)
            weights = vectors @ (inverse[:, None] * turned)
            error = 0.0
            for rows in together:
                own = vectors[rows] * inverse @ vectors[rows].T
                error += float(np.sum(np.linalg.solve(_full(own), weights[rows]) ** 2))
            if error < least:
                least, best = error, Kernel(linear, x, scale, weights)
    return best


def _together(units: IntArray) -> list[IntArray]:
    """Rows of each unit."""
    order = np.argsort(units, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(units[order])) + 1)


def _full(square: FloatArray) -> FloatArray:
    """A matrix that can be solved, where rows are alike."""
    return square + 1e-9 * np.eye(len(square))


def _similarity(a: FloatArray, b: FloatArray, scale: float) -> FloatArray:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(squared, 0.0) / scale))
