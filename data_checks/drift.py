"""Drift: the same allocation under the same load is not what it was.

A job's latency changes with its CPUs and its load; that is no drift. So cells are compared, not
tables: rows of one job on one node in one layout, number of CPUs and band of load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 8
"""In a cell, before and after, to say anything of it."""
LEAST_SHIFT = 0.10
"""Of the median log latency; windows of one allocation differ by .5 to 4 % by themselves."""
FALSE_ALARMS = 0.001
"""Chance of a false one over all cells of a comparison."""
BAND_LOG = 0.25
"""Width of a band of load, in ln(images a second)."""
CELL = ["node", "job", "layout", "n_cpus", "band"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One job on one node that is slower or faster than it was."""

    node: str
    job: str
    shift: float
    """Largest change of the median latency over its cells, relative."""
    n_cells: int

    @property
    def key(self) -> str:
        """The same for the same drift."""
        return f"{self.node} {self.job} {'up' if self.shift > 0 else 'down'}"

    @property
    def sentence(self) -> str:
        """What changed, in words."""
        word = "slower" if self.shift > 0 else "faster"
        return (
            f"{self.job} on {self.node} is {abs(self.shift):.0%} {word} at the same allocation "
            f"and load ({self.n_cells} comparisons)"
        )


def drifts(before: pd.DataFrame, after: pd.DataFrame) -> tuple[Drift, ...]:
    """Find jobs whose latency moved between two sets of checked samples."""
    old, new = _cells(before), _cells(after)
    shared = sorted(set(old) & set(new), key=str)
    found: dict[tuple[str, str], list[float]] = {}
    for cell in shared:
        shift = float(np.median(new[cell]) - np.median(old[cell]))
        chance = float(stats.mannwhitneyu(old[cell], new[cell]).pvalue)
        if abs(shift) >= LEAST_SHIFT and chance < FALSE_ALARMS / len(shared):
            found.setdefault((str(cell[0]), str(cell[1])), []).append(shift)
    return tuple(
        Drift(node, job, float(np.expm1(max(shifts, key=abs))), len(shifts))
        for (node, job), shifts in sorted(found.items())
    )


def band_of_load(rows: pd.DataFrame) -> pd.Series:
    """Number of the band of load of each row; NaN where none was served."""
    rate = rows["served_rate_per_s"].astype(float)
    return np.floor(np.log(rate.where(rate > 0)) / BAND_LOG)


def _cells(frame: pd.DataFrame) -> dict[tuple[object, ...], np.ndarray]:
    """Log latencies by cell, of cells with enough rows; contended rows say nothing."""
    rows = frame[frame["contended"].ne(other=True) & (frame["latency_mean_ms"] > 0)]
    band = band_of_load(rows)
    rows = rows.assign(band=band, log_latency=np.log(rows["latency_mean_ms"].astype(float)))
    return {
        key if isinstance(key, tuple) else (key,): group["log_latency"].to_numpy()
        for key, group in rows.dropna(subset=["band"]).groupby(CELL, dropna=False)
        if len(group) >= LEAST_ROWS
    }
