"""The savings report: watts and joules per image, with intervals, or "not enough data yet"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from components.telemetry.sample import Arm, Origin
from models.savings.blocks import BLOCK_S, TREATED, node_blocks, require_columns
from models.savings.effect import LEAST_BLOCKS, effect_at_equal_load
from models.savings.violations import Misses, misses

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from models.savings.blocks import Block
    from models.savings.effect import Effect

NOT_ENOUGH = "not enough data yet"
HOURS_A_YEAR = 8766.0


@dataclass(frozen=True, slots=True)
class NodeSaving:
    """What one node saved; None where there is not enough data yet."""

    node: str
    n_treated: int
    n_held_back: int
    rate_per_s: float | None
    """Mean images a second, the load at which the arms are compared."""
    effect: Effect | None
    """In watts of the whole node."""

    @property
    def j_per_image(self) -> tuple[float, float] | None:
        """Node joules per image at equal load, with the policy and without."""
        if self.effect is None or not self.rate_per_s:
            return None
        treated, control = self.effect.treated.mean, self.effect.control.mean
        return treated / self.rate_per_s, control / self.rate_per_s


@dataclass(frozen=True, slots=True)
class JobSaving:
    """Attributed, not measured: a job's share of its node's power by its CPU time."""

    job: str
    power_w: float | None
    """Mean with the policy; None: not attributed in any window."""
    held_back_power_w: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsReport:
    """Everything the report says."""

    nodes: tuple[NodeSaving, ...]
    jobs: tuple[JobSaving, ...]
    power_sources: tuple[str, ...]
    n_windows: int
    n_incomplete: int
    n_mixed: int
    is_simulated: bool
    """Of made-up nodes; else of real ones alone."""
    n_simulated: int
    """Samples of made-up nodes, left out beside those of real ones."""
    with_policy: Misses
    without: Misses

    @property
    def judged(self) -> tuple[NodeSaving, ...]:
        """Nodes that something can be said of."""
        return tuple(node for node in self.nodes if node.effect is not None)

    @property
    def saved_w(self) -> tuple[float, float, float] | None:
        """Watts saved over all judged nodes: the estimate, and a 95 % interval."""
        effects = [node.effect for node in self.judged if node.effect is not None]
        if not effects:
            return None
        total = sum(effect.difference for effect in effects)
        variances = np.asarray([effect.standard_error**2 for effect in effects])
        freedoms = np.asarray([effect.degrees_of_freedom for effect in effects])
        spread = float(np.sqrt(variances.sum()))
        if spread == 0.0:
            return total, total, total
        freedom = float(variances.sum() ** 2 / (variances**2 / freedoms).sum())
        half = float(stats.t.ppf(0.975, freedom)) * spread
        return total, total - half, total + half

    @property
    def held_back_w(self) -> float | None:
        """Watts of all judged nodes without the policy, at equal load."""
        effects = [node.effect for node in self.judged if node.effect is not None]
        return sum(effect.control.mean for effect in effects) if effects else None

    def per_year(self, per_kwh: float) -> tuple[float, float, float] | None:
        """What the savings come to in a year at so much (money, gCO2e) a kilowatt-hour."""
        saved = self.saved_w
        if saved is None:
            return None
        watts, low, high = (w * HOURS_A_YEAR / 1000.0 * per_kwh for w in saved)
        return watts, low, high

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        saved, without = self.saved_w, self.held_back_w
        if saved is None or without is None:
            most = max((node.n_held_back for node in self.nodes), default=0)
            return (
                f"{NOT_ENOUGH}: at most {most} blocks in holdback on a node, "
                f"{LEAST_BLOCKS} in each arm are needed"
            )
        watts, low, high = saved
        source = " and ".join(self.power_sources) or "of unknown source"
        if self.is_simulated:
            source = f"simulated as {source}"
        claim = "saved" if low > 0 else "saved (not beyond noise)"
        if high < 0:
            claim, watts, low, high = "cost", -watts, -high, -low
        return (
            f"{claim} {watts:.1f} W of {without:.1f} W on {len(self.judged)} nodes "
            f"({watts / without:.1%}; 95 % interval {low:.1f} to {high:.1f} W), power {source}"
        )


def savings_report(frame: pd.DataFrame, *, block_s: float = BLOCK_S) -> SavingsReport:
    """Compare the policy with its holdback; made-up nodes only where there are no others.

    Args:
        frame: checked samples.
        block_s: length of the blocks that were randomised, in seconds.

    Raises:
        SavingsError: the samples lack a column.
    """
    require_columns(frame)
    is_made_up = frame["origin"] == Origin.SIMULATED
    is_simulated = bool(len(frame)) and bool(is_made_up.all())
    if not is_simulated:
        frame = frame[~is_made_up]
    found = node_blocks(frame, block_s=block_s)
    with_policy, without = misses(frame)
    names = sorted({block.node for block in found.blocks})
    return SavingsReport(
        nodes=tuple(_node(name, [b for b in found.blocks if b.node == name]) for name in names),
        jobs=_jobs(frame),
        power_sources=found.power_sources,
        n_windows=found.n_windows,
        n_incomplete=found.n_incomplete,
        n_mixed=found.n_mixed,
        is_simulated=is_simulated,
        n_simulated=0 if is_simulated else int(is_made_up.sum()),
        with_policy=with_policy,
        without=without,
    )


def _node(name: str, blocks: Sequence[Block]) -> NodeSaving:
    treated = np.asarray([block.is_treated for block in blocks])
    effect = effect_at_equal_load(
        np.asarray([block.power_w for block in blocks]),
        np.asarray([block.rate_per_s for block in blocks]),
        treated,
    )
    rate = float(np.mean([block.rate_per_s for block in blocks]))
    return NodeSaving(name, int(treated.sum()), int((~treated).sum()), rate, effect)


def _jobs(frame: pd.DataFrame) -> tuple[JobSaving, ...]:
    if "job_power_w" not in frame.columns:
        return ()
    return tuple(
        JobSaving(
            str(job),
            _mean(rows.loc[rows["arm"].isin(list(TREATED)), "job_power_w"]),
            _mean(rows.loc[rows["arm"] == Arm.HOLDBACK, "job_power_w"]),
        )
        for job, rows in frame.groupby("job", sort=True)
    )


def _mean(values: pd.Series[float]) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None
