"""Residual learners: from features [N, F] to what is left of log costs, [N, C]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.device_classifier.table import FloatArray

    Fitted = Callable[[FloatArray], FloatArray]

MOST_TREE_ROWS = 8000
MOST_KERNEL_ROWS = 700
WIDTHS = (0.7, 1.5, 3.0)  # of the kernel, times the square root of the number of features
SHRINKS = (1e-3, 1e-2, 1e-1, 1.0)  # added to the diagonal of the kernel
REACH = 1.0  # residuals are held within the training range widened by this share of it


def fit_residuals(kind: str, x: FloatArray, y: FloatArray, n_trees: int, seed: int) -> Fitted:
    """Fit one of `ridge`, `kernel`, `trees`; never far outside of what was seen."""
    if kind == "ridge":
        fitted = _ridge(x, y)
    elif kind == "kernel":
        fitted = _kernel(x, y, seed)
    else:
        fitted = _trees(x, y, n_trees, seed)
    low, high = y.min(axis=0), y.max(axis=0)
    room = REACH * (high - low)
    return lambda new: np.clip(fitted(new), low - room, high + room)


def _ridge(x: FloatArray, y: FloatArray) -> Fitted:
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(alphas=(0.1, 1.0, 10.0, 100.0)))
    model.fit(x, y)
    return lambda new: _as_columns(model.predict(new), y)


def _trees(x: FloatArray, y: FloatArray, n_trees: int, seed: int) -> Fitted:
    from sklearn.ensemble import ExtraTreesRegressor

    is_big = len(x) > MOST_TREE_ROWS
    model = ExtraTreesRegressor(
        n_estimators=n_trees,
        min_samples_leaf=2,
        random_state=seed,
        max_features=0.6,
        bootstrap=is_big,
        max_samples=MOST_TREE_ROWS if is_big else None,
    )
    model.fit(x, y)
    return lambda new: _as_columns(model.predict(new), y)


def _kernel(x: FloatArray, y: FloatArray, seed: int) -> Fitted:
    """A linear part plus a smooth one; width and shrinkage by leave-one-out error."""
    if len(x) > MOST_KERNEL_ROWS:
        rows = np.random.default_rng(seed).choice(len(x), MOST_KERNEL_ROWS, replace=False)
        x, y = x[rows], y[rows]
    linear = _ridge(x, y)
    rest = y - linear(x)
    least, found = np.inf, (WIDTHS[0], np.zeros_like(rest))
    for width in WIDTHS:
        values, vectors = np.linalg.eigh(_similarity(x, x, width))
        turned = vectors.T @ rest
        for shrink in SHRINKS:
            inverse = 1.0 / (np.maximum(values, 0.0) + shrink)
            weights = vectors @ (inverse[:, None] * turned)
            diagonal = (vectors**2) @ inverse
            error = float(np.mean((weights / diagonal[:, None]) ** 2))
            if error < least:
                least, found = error, (width, weights)
    return lambda new: linear(new) + _similarity(new, x, found[0]) @ found[1]


def _similarity(a: FloatArray, b: FloatArray, width: float) -> FloatArray:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    scale = 2.0 * width**2 * a.shape[1]
    return np.asarray(np.exp(-np.maximum(squared, 0.0) / scale))


def _as_columns(predicted: FloatArray, like: FloatArray) -> FloatArray:
    return np.asarray(predicted, dtype=np.float64).reshape(-1, like.shape[1])
