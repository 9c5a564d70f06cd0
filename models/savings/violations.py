"""How often targets were missed, with and without the policy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from components.telemetry.sample import Arm
from models.savings.blocks import LATENCIES, TREATED

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Misses:
    """Windows above their target, of those that could be judged."""

    n_missed: int
    n_judged: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None: no window could be judged."""
        return self.n_missed / self.n_judged if self.n_judged else None

    def interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """Wilson's interval of the share."""
        if not self.n_judged:
            return None
        z = float(stats.norm.ppf(0.5 + confidence / 2))
        n, p = self.n_judged, self.n_missed / self.n_judged
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(middle - half, 0.0), min(middle + half, 1.0)


def misses(frame: pd.DataFrame) -> tuple[Misses, Misses]:
    """Count windows of jobs above their target, with the policy and in holdback."""
    latency = _judged_latency(frame)
    missed = latency > frame["target_ms"]
    judged = latency.notna() & frame["target_ms"].notna()
    treated = frame["arm"].isin(list(TREATED))
    held_back = frame["arm"] == Arm.HOLDBACK
    with_policy, without = (
        Misses(int((missed & judged & arm).sum()), int((judged & arm).sum()))
        for arm in (treated, held_back)
    )
    return with_policy, without


def _judged_latency(frame: pd.DataFrame) -> pd.Series[float]:
    """The statistic each row's target is of; missing where it was not observed."""
    statistic = frame["target_statistic"].fillna("mean")
    found = np.full(len(frame), np.nan)
    for name, column in LATENCIES.items():
        if column in frame.columns:
            chosen = (statistic == name).to_numpy()
            found[chosen] = frame.loc[chosen, column].to_numpy(dtype=float)
    return frame["target_ms"].astype(float) * 0 + found
