"""Regret: what a champion chose takes more power than an allocation that was measured beside it.

Sweeps, probes, canaries and holdback blocks show what a champion did not choose. Two allocations of
a job are compared only where all else is the same: node, target, band of load, and what the other
jobs of the node had and served, for only whole-node power is measured. What nobody tried is not
known, so no regret found is no proof that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from data_checks.drift import band_of_load

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_REGRET = 0.03
"""Of node power; below it a retraining is not worth its joules."""
LEAST_CHOSEN = 8
"""Windows in which the champion's choice was in force: it rests there, and does not pass by."""
LEAST_SEEN = 2
"""Windows of another allocation; all of them kept the target."""
LEAST_FREEDOM = 10
"""Degrees of freedom of the noise, pooled over all allocations of a node."""
FALSE_ALARMS = 0.001
"""Chance of a false one over all allocations that are compared."""
NEIGHBOUR_S = 60.0
"""A window of another job tells what it had, up to so much later."""
CELL = [
    "node", "fingerprint", "job", "model", "variant", "device", "target_ms", "target_statistic",
    "power_source", "band", "company",
]  # fmt: skip
ALLOCATION = ["layout", "n_cpus"]
STATISTICS = {
    "mean": "latency_mean_ms", "p50": "latency_p50_ms", "p95": "latency_p95_ms",
    "p99": "latency_p99_ms",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regret:
    """One job on one node whose allocation is dearer than another that keeps the target."""

    node: str
    job: str
    share: float
    """Of node power, beyond the better one's."""
    chosen: str
    better: str
    n_windows: int
    """In which the better one was seen."""
    arms: str
    """In which arms."""

    @property
    def key(self) -> str:
        """The same for the same regret, however its numbers change."""
        return f"{self.node} {self.job} {self.chosen} {self.better}"

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        return (
            f"{self.job} on {self.node} has {self.chosen}, which takes {self.share:.1%} more power "
            f"than {self.better}; that kept the target in {self.n_windows} windows ({self.arms})"
        )


def regrets(samples: pd.DataFrame, champion: str) -> tuple[Regret, ...]:
    """Find jobs that a champion keeps on a dearer allocation than one that was measured.

    Args:
        samples: checked rows of the lake, since the champion learned from it.
        champion: digest of its bundle.

    Returns:
        The largest of each job, beyond noise and `LEAST_REGRET`.
    """
    rows = _comparable(samples)
    noise = {str(node): _noise(group) for node, group in rows.groupby("node")}
    pairs = [
        pair for _, cell in rows.groupby(CELL, dropna=False) for pair in _pairs(cell, champion)
    ]
    found: dict[tuple[str, str], Regret] = {}
    for chosen, other in pairs:
        regret = _regret(chosen, other, noise[str(chosen["node"].iloc[0])], len(pairs))
        if regret is None:
            continue
        known = found.get((regret.node, regret.job))
        if known is None or regret.share > known.share:
            found[regret.node, regret.job] = regret
    return tuple(found[key] for key in sorted(found))


def _comparable(samples: pd.DataFrame) -> pd.DataFrame:
    """Rows that can be compared, with their band of load, log power and whether they met."""
    rows = samples.assign(band=band_of_load(samples)).dropna(subset=["band", *ALLOCATION])
    rows = rows.assign(company=_company(rows))
    rows = rows[rows["contended"].ne(other=True) & (rows["node_power_w"] > 0)]
    latency = pd.Series(np.nan, index=rows.index)
    for statistic, column in STATISTICS.items():
        latency = latency.mask(rows["target_statistic"] == statistic, rows[column].astype(float))
    rows = rows.assign(
        log_power=np.log(rows["node_power_w"].astype(float)),
        meets=latency <= rows["target_ms"].astype(float),
    )
    return rows[latency.notna()]


def _company(rows: pd.DataFrame) -> pd.Series:
    """What the other jobs of the node had and served at the time, as a text for each row."""
    texts = pd.Series("", index=rows.index)
    for _, node in rows.sort_values("window_start").groupby("node"):
        by_job = dict(iter(node.groupby("job")))
        for job, mine in by_job.items():
            for other, theirs in by_job.items():
                if other != job:
                    texts[mine.index] += _beside(mine, theirs, str(other))
    return texts


def _beside(mine: pd.DataFrame, theirs: pd.DataFrame, name: str) -> pd.Series:
    said = theirs["layout"] + " " + theirs["n_cpus"].astype(str) + " " + theirs["band"].astype(str)
    joined = pd.merge_asof(
        mine[["window_start"]],
        theirs[["window_start"]].assign(said=said),
        on="window_start",
        direction="nearest",
        tolerance=pd.Timedelta(seconds=NEIGHBOUR_S),
    )
    return pd.Series((f"{name}: " + joined["said"].fillna("away") + "; ").to_numpy(), mine.index)


def _noise(rows: pd.DataFrame) -> tuple[float, int]:
    """Standard deviation of the log power of windows of one allocation, and its freedom."""
    groups = rows.groupby([*CELL, *ALLOCATION], dropna=False)["log_power"]
    freedom = len(rows) - groups.ngroups
    squares = float(((rows["log_power"] - groups.transform("mean")) ** 2).sum())
    return (np.sqrt(squares / freedom) if freedom else np.inf), freedom


def _pairs(cell: pd.DataFrame, champion: str) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The champion's last choice beside each other allocation that kept the target."""
    mine = cell[(cell["arm"] == "policy") & (cell["policy_digest"] == champion)]
    if mine.empty:
        return
    last = mine.sort_values("window_start").iloc[-1]
    is_chosen = (cell[ALLOCATION] == last[ALLOCATION]).all(axis=1)
    if int(is_chosen[mine.index].sum()) < LEAST_CHOSEN:
        return
    for _, other in cell[~is_chosen].groupby(ALLOCATION):
        if len(other) >= LEAST_SEEN and other["meets"].all():
            yield cell[is_chosen], other


def _regret(
    chosen: pd.DataFrame, other: pd.DataFrame, noise: tuple[float, int], n_pairs: int
) -> Regret | None:
    """What is left beyond noise; None: nothing."""
    deviation, freedom = noise
    more = float(chosen["log_power"].mean() - other["log_power"].mean())
    error = deviation * np.sqrt(1 / len(chosen) + 1 / len(other))
    beyond = stats.t.ppf(1 - FALSE_ALARMS / n_pairs, max(freedom, 1)) * error
    if freedom < LEAST_FREEDOM or more <= np.log1p(LEAST_REGRET) + beyond:
        return None
    first = chosen.iloc[0]
    return Regret(
        node=str(first["node"]),
        job=str(first["job"]),
        share=float(np.expm1(more)),
        chosen=_allocation(chosen),
        better=_allocation(other),
        n_windows=len(other),
        arms=", ".join(sorted(set(other["arm"]))),
    )


def _allocation(rows: pd.DataFrame) -> str:
    return f"{int(rows['n_cpus'].iloc[0])} CPUs {rows['layout'].iloc[0]}"
