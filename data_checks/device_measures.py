"""Rows of `device_raw` as the figures that both masks and expectations judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from components.lake.schema import DEVICE
from components.telemetry.device_measurement import StartState
from data_checks.device_rules import NAMES, POSITIVE
from data_checks.figures import not_finite, numbers

if TYPE_CHECKING:
    from data_checks.figures import Floats

_NUMBERS = tuple(
    f.name for f in DEVICE if pa.types.is_floating(f.type) or pa.types.is_integer(f.type)
)
_TEXTS = ("origin", "state", "layout", "device_kind", "precision", "energy_source")
_SERIES = ("recording", "node", "network", "state", "device")
_KEY = (*_SERIES, "batch_size")
CONTEXT_COLUMNS = ("row_id", *_KEY, *POSITIVE)
CONSTANT_POINTS = 3
GROWTH = 8.0
"""Of the batch, over which no cost may stay exactly the same."""


def measure_devices(rows: pa.Table, context: pa.Table) -> pd.DataFrame:
    """Lay rows out as figures, indexed 0, 1, 2, ….

    Args:
        rows: of `device_raw`, to be judged.
        context: settled rows of the same recordings (CONTEXT_COLUMNS), to see series by.
    """
    n = {name: numbers(rows[name]) for name in _NUMBERS}
    frame = pd.DataFrame({**n, **{name: rows[name].to_pandas() for name in _TEXTS}})
    is_read = rows["decode_error"].is_null().to_numpy(zero_copy_only=False)
    frame["decode_error"] = rows["decode_error"].to_pandas()
    empty = [(rows[name].to_pandas().fillna("").str.strip() == "").to_numpy() for name in NAMES]
    frame["n_names_missing"] = np.where(is_read, np.sum(empty, axis=0), 0.0)
    counts = {name: not_finite(rows[name]) for name in _NUMBERS}
    frame["n_not_finite"] = sum(counts.values())
    frame["not_finite_fields"] = _named(counts)
    parts = np.nan_to_num(n["transfer_ms"]), np.nan_to_num(n["wake_ms"])
    frame["part_least_ms"] = np.minimum(*parts)
    frame["part_missing_ms"] = n["latency_ms"] - np.maximum(*parts)
    woke = ~np.isnan(n["wake_ms"]) & (frame["state"] == StartState.WARM).to_numpy()
    frame["n_wakes_unfounded"] = woke.astype(np.float64)
    unnamed = rows["energy_source"].is_null().to_numpy(zero_copy_only=False)
    frame["n_energies_unnamed"] = (unnamed & ~np.isnan(n["energy_j"])).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        per_s = n["throughput_per_s"] / n["batch_size"]
        frame["n_in_flight"] = n["latency_ms"] / 1000 * per_s
    return frame.join(_series(rows, context))


def _named(counts: dict[str, Floats]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    fields = np.full(len(next(iter(counts.values()))), "", dtype=object)
    for name, count in counts.items():
        fields[count > 0] += f"{name} "
    return fields


def _series(rows: pa.Table, context: pa.Table) -> pd.DataFrame:
    """What only shows beside other rows: repeated keys, and costs that never move."""
    names = [name for name in CONTEXT_COLUMNS if name != "row_id"]
    history = pa.concat_tables([context.select(names), rows.select(names)]).to_pandas()
    before = history.groupby(list(_KEY)).cumcount().astype(np.float64)
    before[history[list(_KEY)].isna().any(axis=1)] = np.nan
    n_constant = np.zeros(len(history))
    fields = np.full(len(history), "", dtype=object)
    for name in POSITIVE:
        found = _constant(history, name)
        n_constant = np.maximum(n_constant, found)
        fields[found > 0] += f"{name} "
    found = pd.DataFrame(
        {
            "n_rows_before_of_key": before,
            "n_points_constant": n_constant,
            "constant_fields": fields,
        }
    )
    return found.iloc[len(context) :].reset_index(drop=True)


def _constant(history: pd.DataFrame, name: str) -> Floats:
    """Points of the series a row lies in, where a quantity is the very same at all; else 0."""
    known = history[history[name].notna()]
    series = known.groupby(list(_SERIES))
    batches = series["batch_size"]
    has_grown = batches.transform("max") >= GROWTH * batches.transform("min")
    n_points = batches.transform("nunique")
    is_constant = series[name].transform("nunique") == 1
    is_stuck = has_grown & (n_points >= CONSTANT_POINTS) & is_constant
    found = np.zeros(len(history))
    found[known.index.to_numpy()] = np.where(is_stuck, n_points, 0).astype(np.float64)
    return found
