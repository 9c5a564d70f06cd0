"""Columns of Arrow as arrays of floats; NaN stands for null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class ListMeasures:
    """What is known of a column of lists of numbers; each of shape (rows,), NaN for null."""

    length: Floats
    lowest: Floats
    highest: Floats
    mean: Floats
    n_not_finite: Floats


def numbers(column: pa.ChunkedArray | pa.Array) -> Floats:
    """A column of numbers as floats, NaN for null."""
    return np.asarray(column.cast(pa.float64(), safe=False), dtype=np.float64)


def list_measures(column: pa.ChunkedArray) -> ListMeasures:
    """Measure a column of lists; NaN and infinities within are counted and else left out."""
    lists = column.combine_chunks()
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    flat = numbers(pc.list_flatten(lists))
    fine = np.isfinite(flat)
    n_rows, at, values = len(lists), parents[fine], flat[fine]
    lowest, highest = np.full(n_rows, np.inf), np.full(n_rows, -np.inf)
    np.minimum.at(lowest, at, values)
    np.maximum.at(highest, at, values)
    count = np.bincount(at, minlength=n_rows)
    none = count == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(at, weights=values, minlength=n_rows) / count
    return ListMeasures(
        length=numbers(pc.list_value_length(lists)),
        lowest=np.where(none, np.nan, lowest),
        highest=np.where(none, np.nan, highest),
        mean=mean,
        n_not_finite=np.bincount(parents[~fine], minlength=n_rows).astype(np.float64),
    )


def epoch_s(column: pa.ChunkedArray) -> Floats:
    """Moments as seconds since 1970, NaN for null."""
    return numbers(column.cast(pa.int64())) / 1e6


def not_finite(column: pa.ChunkedArray) -> Floats:
    """1 where a number was given that is NaN or infinite, else 0."""
    given = np.asarray(column.is_valid().to_numpy(), dtype=np.bool_)
    return (given & ~np.isfinite(numbers(column))).astype(np.float64)
