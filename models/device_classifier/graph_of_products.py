"""Weighted sums of products of features as part of an ONNX graph: powers of e of sums of logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.graph_of_logs import Logs
    from models.device_classifier.graph_writer import GraphWriter
    from models.device_classifier.physical import Physical
    from models.device_classifier.products import Units
    from models.device_classifier.table import FloatArray


def write_products(write: GraphWriter, logs: Logs, laws: Sequence[Physical]) -> str:
    """Log costs of several laws, side by side: [B, sum of C]."""
    each = [_factors(logs, law) for law in laws]
    exponents = np.hstack([exponents for exponents, _ in each])
    weights = np.zeros((exponents.shape[1], sum(found.shape[1] for _, found in each)))
    row = column = 0
    for _, found in each:
        n_rows, n_columns = found.shape
        weights[row : row + n_rows, column : column + n_columns] = found
        row, column = row + n_rows, column + n_columns
    products = write.op("Exp", write.with_number("MatMul", logs.name, exponents))
    return write.op("Log", write.with_number("MatMul", products, weights))


def _factors(logs: Logs, law: Physical) -> tuple[FloatArray, FloatArray]:
    """Exponents [L, T + 1] of the logs in each product, and weights [T + 1, C]."""
    places = logs.sizes(law.units)
    exponents = np.zeros((len(logs), len(law.factors) + 1))
    for column, factor in enumerate(law.factors):
        exponents[places, column] = _exponents(law.units, factor, len(places))
    if law.batch is not None:
        exponents[places[law.batch]] -= 1.0
    return exponents, np.vstack([law.weights, law.floors])


def _exponents(units: Units, factor: tuple[int, int, int], n_places: int) -> FloatArray:
    """Of sizes, of 1 - clock share, of clock share."""
    n_features = len(units.fill)
    found = np.zeros(n_places)
    for unit in factor:
        if unit == units.slowed and units.clock is not None:
            found[n_features] += 1.0
        elif unit == units.stretch and units.clock is not None:
            found[n_features:] += [1.0, -1.0]
        elif unit > n_features:
            found[unit - 1 - n_features] += 0.5
        elif unit:
            found[unit - 1] += 1.0
    return found
