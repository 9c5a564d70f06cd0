"""Samples of jobs to blocks of nodes: spells of one arm, the unit that was randomised.

Only the power of a whole node is measured, so a window of a node is one reading however many
jobs it has, and arms are compared by blocks of whole nodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.telemetry.sample import Arm
from models.savings.errors import SavingsError

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

TREATED = frozenset({Arm.POLICY, Arm.PROBE})
"""Arms that count as "with joulepilot": what its probes cost is its own."""
BLOCK_S = 300.0
COLUMNS = (
    "node", "job", "window_start", "window_s", "arm", "node_power_w", "power_source", "images",
    "target_ms", "target_statistic", "contended", "origin",
)  # fmt: skip
LATENCIES = {
    "mean": "latency_mean_ms",
    "p50": "latency_p50_ms",
    "p95": "latency_p95_ms",
    "p99": "latency_p99_ms",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A node over at most `BLOCK_S` seconds in one arm."""

    node: str
    start: pd.Timestamp
    is_treated: bool
    """With the policy; else on the baseline allocation."""
    seconds: float
    energy_j: float
    """Of the whole node."""
    images: float
    """Served by all its jobs."""

    @property
    def power_w(self) -> float:
        """Mean power of the node."""
        return self.energy_j / self.seconds

    @property
    def rate_per_s(self) -> float:
        """Images a second, over all jobs."""
        return self.images / self.seconds


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks, and what was left out of them."""

    blocks: tuple[Block, ...]
    power_sources: tuple[str, ...]
    n_windows: int
    n_incomplete: int
    """Windows of nodes without a power reading or a count of images."""
    n_mixed: int
    """Windows in which the node was in no single arm of the comparison."""


def require_columns(frame: pd.DataFrame) -> None:
    """Refuse what are no checked samples.

    Raises:
        SavingsError: a column is missing.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise SavingsError(
            "asked for savings", f"the samples have no {', '.join(missing)}", "use checked samples"
        )


def node_blocks(frame: pd.DataFrame, *, block_s: float = BLOCK_S) -> Blocks:
    """Gather samples into blocks.

    Args:
        frame: checked samples, a row per node, job and window.
        block_s: length of a block; spells of one arm are cut at its multiples.

    Raises:
        SavingsError: a column is missing.
    """
    require_columns(frame)
    windows = _windows(frame[frame["arm"] != Arm.SWEEP])
    whole = windows.dropna(subset=["energy_j", "images"])
    clear = whole[whole["arm"] != ""]
    blocks = tuple(
        _block(key, rows) for key, rows in clear.groupby(_block_key(clear, block_s), sort=True)
    )
    return Blocks(
        blocks,
        tuple(sorted({str(source) for source in clear["power_source"].dropna()})),
        n_windows=len(windows),
        n_incomplete=len(windows) - len(whole),
        n_mixed=len(whole) - len(clear),
    )


def _windows(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a node and window; `arm` is empty where its jobs were not all in one."""
    arms = frame["arm"].map(_side)
    rows = frame.assign(side=arms, energy_j=frame["node_power_w"] * frame["window_s"])
    grouped = rows.groupby(["node", "window_start"], sort=True)
    windows = grouped.agg(
        window_s=("window_s", "max"),
        energy_j=("energy_j", "mean"),
        power_source=("power_source", "first"),
        side=("side", _only),
    )
    windows["images"] = grouped["images"].sum(min_count=1)
    return windows.rename(columns={"side": "arm"}).reset_index()


def _side(arm: str) -> str:
    if arm == Arm.HOLDBACK:
        return "holdback"
    return "policy" if arm in TREATED else ""


def _only(sides: pd.Series[str]) -> str:
    found = set(sides)
    return found.pop() if len(found) == 1 else ""


def _block_key(windows: pd.DataFrame, block_s: float) -> list[pd.Series[str]]:
    start_s = windows["window_start"].astype("int64") // 10**9
    if windows["window_start"].dt.unit != "ns":
        start_s = windows["window_start"].dt.as_unit("ns").astype("int64") // 10**9
    return [windows["node"], (start_s // math.ceil(block_s)).astype(str), windows["arm"]]


def _block(key: Hashable, rows: pd.DataFrame) -> Block:
    node, _, arm = key if isinstance(key, tuple) else (key, "", "")
    return Block(
        node=str(node),
        start=rows["window_start"].min(),
        is_treated=arm == "policy",
        seconds=float(rows["window_s"].sum()),
        energy_j=float(rows["energy_j"].sum()),
        images=float(rows["images"].sum()),
    )
