"""The paper's recording: latency and power of each CPU count, and Equation 1 over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from components.errors import PermanentError
from components.madeup import reference_node
from components.node.placement import Layout
from components.policy.evidence import BOUND_SIGMAS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from components.madeup.reference_node import ReferenceResponse
    from models.allocator.surfaces import Surface

SWEEP_COLUMNS = ("n_cpus", "latency_ms", "power_w")
MISS_REWARD = -100.0
"""Equation 1, where the latency is above the target."""


class SweepError(PermanentError):
    """A recorded sweep cannot be learned from."""


@dataclass(frozen=True, eq=False)
class PaperSweep:
    """A sweep averaged per CPU count; all arrays have shape (A,), ascending by count.

    Averaging comes before learning: with raw rows a count whose rows lie now and then above the
    target is worth less in expectation, and the optimum of Equation 1 itself moves.
    """

    n_cpus: NDArray[np.int64]
    latency_ms: NDArray[np.float64]
    power_w: NDArray[np.float64]
    error_log: NDArray[np.float64] | None = None
    """Standard error of each mean log latency; None: the means are exact."""

    @property
    def surely_ms(self) -> NDArray[np.float64]:
        """The latency two standard errors up, which has to meet a target: as on nodes."""
        if self.error_log is None:
            return self.latency_ms
        return np.asarray(self.latency_ms * np.exp(BOUND_SIGMAS * self.error_log))

    def best_action(self, target_ms: float) -> int | None:
        """Row of least power that meets a target; None when none does."""
        feasible = np.flatnonzero(self.surely_ms <= target_ms)
        return int(feasible[np.argmin(self.power_w[feasible])]) if feasible.size else None


def sweep_of_surface(surface: Surface, layout: Layout = Layout.COMPACT) -> PaperSweep:
    """Take the recorded mean of each CPU count of one layout.

    Raises:
        SweepError: fewer than two counts were recorded.
    """
    points = [p for p in surface.every_point if p.candidate.layout is layout]
    if len(points) < 2:
        raise _unusable(f"{surface.name} has {len(points)} CPU counts", "record at least two")
    return PaperSweep(
        np.asarray([point.candidate.n_cpus for point in points], dtype=np.int64),
        np.asarray([point.latency_ms for point in points]),
        np.asarray([point.power_w for point in points]),
        surface.noise / np.sqrt([point.weight for point in points]),
    )


def true_sweep(response: ReferenceResponse, n_cpus: ArrayLike) -> PaperSweep:
    """What a simulated node truly does: choices are judged by it, never learned from it."""
    counts = np.asarray(n_cpus, dtype=np.int64)
    return PaperSweep(
        counts,
        reference_node.latency_ms(counts, response),
        reference_node.power_w(counts, response),
    )


def average_sweep(rows: pd.DataFrame) -> PaperSweep:
    """Average the measurements of each CPU count.

    Args:
        rows: one row per measurement with `n_cpus`, `latency_ms`, `power_w`; repeats allowed.

    Raises:
        SweepError: a column is missing, a value is not a positive number, or fewer than two
            counts were recorded.
    """
    missing = [column for column in SWEEP_COLUMNS if column not in rows.columns]
    if missing:
        raise _unusable(f"it has no {', '.join(missing)}", f"give {', '.join(SWEEP_COLUMNS)}")
    values = rows.loc[:, list(SWEEP_COLUMNS)].apply(pd.to_numeric, errors="coerce")
    good = np.isfinite(values.to_numpy(dtype=np.float64)) & (values.to_numpy() > 0)
    if not good.all():
        first = rows.index[~good.all(axis=1)][0]
        raise _unusable(f"row {first} has a value that is no positive number", "take it out")
    means = values.groupby("n_cpus", sort=True).mean()
    if len(means) < 2:
        raise _unusable(f"it has {len(means)} CPU counts", "record at least two")
    return PaperSweep(
        means.index.to_numpy(dtype=np.int64),
        means["latency_ms"].to_numpy(dtype=np.float64),
        means["power_w"].to_numpy(dtype=np.float64),
    )


def equation_1(
    latency_ms: ArrayLike, power_w: ArrayLike, target_ms: ArrayLike
) -> NDArray[np.float64]:
    """The paper's reward: -100 if A_M > A_T, else minus the square root of power."""
    missed = np.asarray(latency_ms) > np.asarray(target_ms)
    return np.where(missed, MISS_REWARD, -np.sqrt(np.asarray(power_w, dtype=np.float64)))


def training_reward(sweep: PaperSweep, targets_ms: ArrayLike) -> NDArray[np.float64]:
    """Minus the log of power over the least power, or -2 (or less) where the target is missed.

    It has the argmax of Equation 1 and a scale on which a few watts count, so that far fewer
    steps tell neighbouring counts apart.

    Returns:
        Shape (T, A): of each target and each action.
    """
    log_power = np.log(sweep.power_w / sweep.power_w.min())
    miss = min(-2.0, -float(log_power.max()) - 0.5)
    missed = sweep.surely_ms[np.newaxis, :] > np.asarray(targets_ms, dtype=float)[:, np.newaxis]
    return np.where(missed, miss, -log_power[np.newaxis, :])


def _unusable(found: str, remedy: str) -> SweepError:
    return SweepError("asked to learn from a recorded sweep", found, remedy)
