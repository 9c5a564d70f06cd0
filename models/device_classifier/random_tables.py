"""Random device tables of many kinds, to find where a way to choose fails; seeded, simulated.

What costs depend on differs from table to table: on nothing (noise alone), on powers of features,
on sums of products (a roofline), on thresholds (steps, caches), or on the nearest of some
prototypes. So do rows, devices (some never win), features (unknown names, constant, irrelevant),
empty cells, rows a group, and noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.table import DeviceTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.device_classifier.table import FloatArray

    Draw = Callable[[np.random.Generator, FloatArray, int], FloatArray]

N_FOLDS = 5
ROWS = (50, 80, 120, 200, 300)
NOISES = (0.01, 0.05, 0.2)
MISSING = (0.0, 0.0, 0.1, 0.3)
KNOWN = ("gmac_dense", "layers", "parameters_mb", "activations_mb", "input_mb", "gmac_conv")


@dataclass(frozen=True, slots=True)
class RandomTable:
    """A table and what its costs depend on."""

    kind: str
    table: DeviceTable


def random_table(seed: int, *, n_rows: int | None = None) -> RandomTable:
    """Draw one table, of one objective; `n_rows` instead of a drawn number."""
    rng = np.random.default_rng([seed, 41])
    kind = list(KINDS)[int(rng.integers(len(KINDS)))]
    n = int(rng.choice(ROWS)) if n_rows is None else n_rows
    n_devices, n_features = int(rng.integers(2, 7)), int(rng.integers(2, 9))
    points = int(rng.integers(1, 7))
    groups = np.arange(n) // points
    features = _features(rng, groups, n_features)
    log_costs = KINDS[kind](rng, features, n_devices)
    log_costs = log_costs + float(rng.choice(NOISES)) * rng.normal(size=log_costs.shape)
    if rng.random() < 0.3:  # some devices never win
        losers = rng.integers(1, 5)
        worse = log_costs.max(axis=1, keepdims=True) + 1.0 + rng.random((n, losers))
        log_costs = np.column_stack([log_costs, worse])
    costs = np.exp(log_costs)
    costs[rng.random(costs.shape) < float(rng.choice(MISSING))] = np.nan
    is_grouped = rng.random() < 0.7
    units = groups if is_grouped else np.arange(n)
    folds = (rng.permutation(units.max() + 1) % N_FOLDS)[units]
    return RandomTable(kind, _table(seed, kind, features, costs, groups, folds, rng))


def _features(rng: np.random.Generator, groups: np.ndarray, n_features: int) -> FloatArray:
    """Some belong to the group, some to the row; wide, even or whole; one may be constant."""
    columns = []
    for index in range(n_features):
        unit = groups if rng.random() < 0.6 else np.arange(len(groups))
        size = unit.max() + 1
        drawn = [
            np.exp(rng.uniform(0.5, 2.5) * rng.normal(size=size)),
            rng.uniform(size=size),
            2.0 ** rng.integers(0, 12, size=size),
            rng.integers(1, 40, size=size).astype(float),
        ][int(rng.integers(4))]
        columns.append(np.full(len(groups), 3.0) if index and rng.random() < 0.05 else drawn[unit])
    return np.column_stack(columns)


def _standard(features: FloatArray) -> FloatArray:
    logs = np.log(features + 1e-3)
    spread = logs.std(axis=0)
    return np.asarray((logs - logs.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _noise(rng: np.random.Generator, features: FloatArray, n_devices: int) -> FloatArray:
    level = rng.normal(scale=0.1, size=n_devices)
    return np.asarray(level + rng.uniform(0.1, 0.4) * rng.normal(size=(len(features), n_devices)))


def _powers(rng: np.random.Generator, features: FloatArray, n_devices: int) -> FloatArray:
    x = _standard(features)
    shared = x @ rng.normal(size=x.shape[1])
    slopes = rng.uniform(0.1, 0.6) * rng.normal(size=(x.shape[1], n_devices))
    return np.asarray(shared[:, None] + x @ slopes + rng.normal(scale=0.2, size=n_devices))


def _roofline(rng: np.random.Generator, features: FloatArray, n_devices: int) -> FloatArray:
    sizes = features / np.median(features, axis=0)
    n_terms = int(rng.integers(2, 5))
    pairs = rng.integers(0, sizes.shape[1], size=(n_terms, 2))
    terms = np.column_stack([np.ones(len(sizes)), *(sizes[:, i] * sizes[:, j] for i, j in pairs)])
    weights = np.exp(rng.normal(scale=1.5, size=(terms.shape[1], n_devices)))
    return np.asarray(np.log(terms @ weights))


def _steps(rng: np.random.Generator, features: FloatArray, n_devices: int) -> FloatArray:
    x = _standard(features)
    costs = x @ rng.normal(size=(x.shape[1], 1)) + rng.normal(scale=0.3, size=n_devices)
    for _ in range(int(rng.integers(2, 8))):
        column, threshold = int(rng.integers(x.shape[1])), rng.normal()
        jump = rng.normal(scale=0.5, size=n_devices)
        costs = costs + (x[:, [column]] > threshold) * jump
    return np.asarray(costs)


def _prototypes(rng: np.random.Generator, features: FloatArray, n_devices: int) -> FloatArray:
    x = _standard(features)
    at = rng.normal(size=(int(rng.integers(3, 9)), x.shape[1]))
    nearest = np.argmin(((x[:, None, :] - at) ** 2).sum(axis=2), axis=1)
    return np.asarray(rng.normal(scale=0.4, size=(len(at), n_devices))[nearest])


KINDS: dict[str, Draw] = {
    "noise": _noise,
    "powers": _powers,
    "roofline": _roofline,
    "steps": _steps,
    "prototypes": _prototypes,
}


def _table(
    seed: int,
    kind: str,
    features: FloatArray,
    costs: FloatArray,
    groups: np.ndarray,
    folds: np.ndarray,
    rng: np.random.Generator,
) -> DeviceTable:
    n_features = features.shape[1]
    is_known = rng.random() < 0.3
    names = ("batch", *KNOWN)[:n_features] if is_known else ()
    names = (*names, *(f"x{i}" for i in range(len(names), n_features)))
    devices = tuple(f"d{i}" for i in range(costs.shape[1]))
    return DeviceTable(
        name=f"simulated-random-{kind}-{seed}",
        rows=np.arange(len(costs)).astype(str),
        groups=groups.astype(str),
        folds=folds.astype(np.int64),
        feature_names=names,
        features=features,
        devices=devices,
        kinds=("cpu",) * len(devices),
        measured={"latency": costs},
        facts={"source": "simulated"},
    )
