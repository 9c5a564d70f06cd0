"""What only shows beside other rows: the node's CPU count, repeated keys, a frozen power meter.

Each function takes a history, oldest arrival first, with the columns node, fingerprint, job,
window_start, n_utilizations, utilization_mean, served_rate_per_s and node_power_w (NaN and NaT:
not observed) and answers per row of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from data_checks.limits import Limits

_WINDOW = ["node", "window_start"]


def usual_cpu_count(history: pd.DataFrame) -> NDArray[np.float64]:
    """How many logical CPUs most rows of the same node and fingerprint report; NaN: none does.

    Of two counts reported equally often the larger is taken: lists are cut off more easily than
    they grow.
    """
    group = ["node", "fingerprint"]
    seen = history.groupby([*group, "n_utilizations"]).size().rename("n_rows").reset_index()
    usual = seen.sort_values(["n_rows", "n_utilizations"]).drop_duplicates(group, keep="last")
    found = history[group].merge(usual, on=group, how="left")["n_utilizations"]
    return np.asarray(found, dtype=np.float64)


def earlier_rows_of_key(history: pd.DataFrame) -> NDArray[np.float64]:
    """How many rows before it have the same node, job and window start; NaN: it has no key."""
    key = ["node", "job", "window_start"]
    count = history.groupby(key).cumcount().astype(np.float64)
    count[history[key].isna().any(axis=1)] = np.nan
    return np.asarray(count, dtype=np.float64)


def frozen_windows(history: pd.DataFrame, limits: Limits) -> NDArray[np.float64]:
    """Length in windows of the frozen stretch a row lies in; 0 when its power moves as it should.

    A stretch is frozen when at least `limits.frozen_windows` consecutive windows of a node report
    exactly the same power while its load changes by more than a meter could miss.
    """
    windows = (
        history.groupby(_WINDOW)
        .agg(
            power=("node_power_w", "first"),
            use=("utilization_mean", "max"),
            rate=("served_rate_per_s", "sum"),
        )
        .reset_index()
    )
    if windows.empty:
        return np.zeros(len(history))
    moved = (windows["power"] != windows["power"].shift()) | (
        windows["node"] != windows["node"].shift()
    )
    run = windows.groupby(moved.cumsum())
    length = run["power"].transform("size")
    is_frozen = (length >= limits.frozen_windows) & _load_changed(run, limits)
    windows["length"] = length.where(is_frozen, 0).astype(np.float64)
    found = history[_WINDOW].merge(windows[[*_WINDOW, "length"]], on=_WINDOW, how="left")
    return np.asarray(found["length"].fillna(0.0), dtype=np.float64)


def _load_changed(run: pd.api.typing.DataFrameGroupBy, limits: Limits) -> pd.Series:
    use_low, use_high = run["use"].transform("min"), run["use"].transform("max")
    rate_low, rate_high = run["rate"].transform("min"), run["rate"].transform("max")
    by_use = use_high - use_low > limits.frozen_utilization_change
    by_rate = rate_high > rate_low * limits.frozen_rate_ratio
    return by_use | (use_high.isna() & by_rate)
