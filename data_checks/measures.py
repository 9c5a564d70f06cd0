"""Rows of `raw` as plain numbers and texts: the figures that both masks and expectations judge.

Lists are measured, not carried (Great Expectations misjudges list columns): their length, lowest
and highest. A null is NaN, which no rule but presence minds; a NaN that somebody sent is counted
in `n_not_finite`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from components.lake.schema import SAMPLE
from components.node.cpuset import parse_cpu_list
from components.node.errors import CpuListError
from data_checks.figures import epoch_s, list_measures, not_finite, numbers
from data_checks.series import earlier_rows_of_key, frozen_windows, usual_cpu_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from data_checks.figures import Floats, ListMeasures
    from data_checks.limits import Limits

_NAMES = ("node", "node_class", "fingerprint", "job")
_TEXTS = ("origin", "layout", "power_source", "target_statistic", "arm", "mode")
_NUMBERS = tuple(
    field.name for field in SAMPLE if pa.types.is_floating(field.type) or field.type == pa.int64()
)
_POWERS = ("node_power_w", "gpu_power_w")
HISTORY_COLUMNS = (
    "row_id",
    "node",
    "fingerprint",
    "job",
    "window_start",
    "served_rate_per_s",
    "node_power_w",
    "cpu_utilization",
)


def measure(
    rows: pa.Table, context: pa.Table, logical_cpus: Mapping[str, int], limits: Limits
) -> pd.DataFrame:
    """Lay rows out as figures, indexed 0, 1, 2, ….

    Args:
        rows: of `raw`, to be judged.
        context: settled rows around them (HISTORY_COLUMNS), to see series by.
        logical_cpus: logical CPUs by node class, where the caller knows them.
        limits: tolerances that enter a figure.
    """
    n = {name: numbers(rows[name]) for name in _NUMBERS}
    use, core = list_measures(rows["cpu_utilization"]), list_measures(rows["core_power_w"])
    frame = pd.DataFrame({**n, **{name: rows[name].to_pandas() for name in _TEXTS}})
    is_sample = rows["decode_error"].is_null().to_numpy(zero_copy_only=False)
    frame["decode_error"] = rows["decode_error"].to_pandas()
    frame["n_names_missing"] = np.where(is_sample, _n_empty(rows, _NAMES), 0.0)
    _measure_finiteness(frame, rows, {"cpu_utilization": use, "core_power_w": core})
    frame["utilization_lowest"], frame["utilization_highest"] = use.lowest, use.highest
    frame["core_power_lowest_w"], frame["core_power_highest_w"] = core.lowest, core.highest
    frame["n_powers_zero"] = sum((n[name] == 0).astype(float) for name in _POWERS)
    frame["n_powers_zero"] += core.highest == 0
    frame["n_powers_unnamed"] = _powers_unnamed(rows, n)
    _measure_time(frame, rows, is_sample)
    _measure_traffic(frame, n, limits)
    _measure_series(frame, rows, context, logical_cpus, limits)
    return frame


def history_of(rows: pa.Table) -> pd.DataFrame:
    """What series.py looks at."""
    use = list_measures(rows["cpu_utilization"])
    texts = {name: rows[name].to_pandas() for name in ("node", "fingerprint", "job")}
    return pd.DataFrame(
        {
            **texts,
            "window_start": rows["window_start"].to_pandas(),
            "n_utilizations": use.length,
            "utilization_mean": use.mean,
            "served_rate_per_s": numbers(rows["served_rate_per_s"]),
            "node_power_w": numbers(rows["node_power_w"]),
        }
    )


def _measure_finiteness(
    frame: pd.DataFrame, rows: pa.Table, lists: Mapping[str, ListMeasures]
) -> None:
    counts = {name: not_finite(rows[name]) for name in _NUMBERS}
    counts |= {name: measured.n_not_finite for name, measured in lists.items()}
    fields = np.full(len(frame), "", dtype=object)
    for name, count in counts.items():
        fields[count > 0] += f"{name} "
    frame["n_not_finite"] = sum(counts.values())
    frame["not_finite_fields"] = fields


def _measure_time(frame: pd.DataFrame, rows: pa.Table, is_sample: NDArray[np.bool_]) -> None:
    start_s, event_s = (epoch_s(rows[name]) for name in ("window_start", "event_time"))
    frame["event_lag_s"] = event_s - start_s - frame["window_s"]
    frame["n_event_times_missing"] = (is_sample & np.isnan(event_s)).astype(float)
    simulated = (frame["origin"] == "simulated").to_numpy()
    frame.loc[simulated, "event_lag_s"] = np.nan


def _measure_traffic(frame: pd.DataFrame, n: Mapping[str, Floats], limits: Limits) -> None:
    batch, window_s, images = n["batch_size"], n["window_s"], n["images"]
    offered, served = n["offered_rate_per_s"], n["served_rate_per_s"]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        image_rate = np.where(np.isnan(images), served * batch, images / window_s)
        in_flight = n["latency_mean_ms"] / 1000 * image_rate
        answered, tolerance = served * window_s, 1 + limits.rate_tolerance
        waiting = np.nan_to_num(2 * in_flight, nan=0.0, posinf=0.0) + limits.count_slack
        frame["n_in_flight"] = in_flight
        frame["n_served_unasked"] = answered - offered * window_s * tolerance - waiting
        frame["n_images_lacking"] = answered / tolerance - limits.count_slack - images
        slack = limits.count_slack * batch
        frame["n_images_too_many"] = images - answered * batch * tolerance - slack
        p50, p95, p99 = (n[f"latency_{q}_ms"] for q in ("p50", "p95", "p99"))
        frame["quantile_drop_ms"] = np.fmax(np.fmax(p50 - p95, p95 - p99), p50 - p99)
    latencies = np.stack([n["latency_mean_ms"], p50, p95, p99])
    frame["n_latencies_unfounded"] = np.where(images == 0, (~np.isnan(latencies)).sum(axis=0), 0.0)


def _measure_series(
    frame: pd.DataFrame,
    rows: pa.Table,
    context: pa.Table,
    logical_cpus: Mapping[str, int],
    limits: Limits,
) -> None:
    names = [name for name in HISTORY_COLUMNS if name != "row_id"]
    history = history_of(pa.concat_tables([context.select(names), rows.select(names)]))
    new = slice(len(context), None)
    known = rows["node_class"].to_pandas().map(dict(logical_cpus)).to_numpy(dtype=np.float64)
    n_logical = np.where(np.isnan(known), usual_cpu_count(history)[new], known)
    size = _cpuset_sizes(rows["cpuset"])
    frame["n_logical"] = n_logical
    frame["n_utilizations"] = history["n_utilizations"].to_numpy()[new]
    frame["cpu_count_off"] = frame["n_utilizations"] - n_logical
    frame["cpuset_size"] = size
    frame["cpuset_off"] = np.where(size > 0, frame["n_cpus"] - size, np.nan)
    frame["n_cpus_beyond_node"] = size - n_logical
    frame["n_rows_before_of_key"] = earlier_rows_of_key(history)[new]
    frame["n_windows_frozen"] = frozen_windows(history, limits)[new]


def _n_empty(rows: pa.Table, names: tuple[str, ...]) -> Floats:
    empty = [(rows[name].to_pandas().fillna("").str.strip() == "").to_numpy() for name in names]
    return np.asarray(np.sum(empty, axis=0), dtype=np.float64)


def _powers_unnamed(rows: pa.Table, n: Mapping[str, Floats]) -> Floats:
    """Power figures of a row that does not say how they came to be."""
    given = sum((~np.isnan(n[name])).astype(float) for name in ("node_power_w", "job_power_w"))
    unnamed = np.asarray(rows["power_source"].is_null().to_numpy(), dtype=np.bool_)
    return np.where(unnamed, given, 0.0)


def _cpuset_sizes(column: pa.ChunkedArray) -> Floats:
    """CPUs in each list; 0 for an empty or unreadable one, NaN for null."""
    sizes = {text: _cpuset_size(text) for text in column.unique().to_pylist()}
    return np.array([sizes[text] for text in column.to_pylist()], dtype=np.float64)


def _cpuset_size(text: str | None) -> float:
    if text is None:
        return np.nan
    try:
        return float(len(parse_cpu_list(text)))
    except CpuListError:
        return 0.0
