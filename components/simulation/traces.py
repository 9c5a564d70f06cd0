"""How the load of a job changes over a scenario, as a factor on its usual rate."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from components.simulation.errors import ScenarioError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Shape(StrEnum):
    """Form of a load."""

    CONSTANT = "constant"
    DIURNAL = "diurnal"
    """A sine between low and high; jobs are a little out of phase."""
    BURSTY = "bursty"
    """Low, with bursts to high at seeded times."""
    STEP = "step"
    """Low, and high from `at_s` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What some jobs are offered."""

    shape: Shape = Shape.CONSTANT
    jobs: tuple[int, ...] = ()
    """Positions of the jobs; () is all of them."""
    low: float = 1.0
    high: float = 1.0
    period_s: float = 3600.0
    """Of a sine; of bursts the mean time between their beginnings."""
    burst_s: float = 120.0
    at_s: float = 0.0
    csv: str | None = None
    """A file of `second,requests per second`, relative to the scenario's; factors are of its
    mean."""


def factors(
    load: Load, n_steps: int, step_s: float, rng: np.random.Generator, folder: Path
) -> NDArray[np.float64]:
    """Factor on the usual rate in each step; shape (n_steps,).

    Raises:
        ScenarioError: a CSV cannot be read.
    """
    at_s = np.arange(n_steps, dtype=np.float64) * step_s
    if load.csv is not None:
        return _from_csv(folder / load.csv, at_s)
    match load.shape:
        case Shape.CONSTANT:
            return np.full(n_steps, load.low)
        case Shape.STEP:
            return np.where(at_s >= load.at_s, load.high, load.low)
        case Shape.DIURNAL:
            phase = rng.uniform(-0.06, 0.06)
            swing = 0.5 - 0.5 * np.cos(2 * math.pi * (at_s / load.period_s + phase))
            return np.asarray(load.low + (load.high - load.low) * swing)
        case Shape.BURSTY:
            value = np.full(n_steps, load.low)
            begin_s = rng.uniform(0.3, 1.0) * load.period_s
            while begin_s < at_s[-1]:
                value[(at_s >= begin_s) & (at_s < begin_s + load.burst_s)] = load.high
                begin_s += load.burst_s + rng.uniform(0.5, 1.5) * load.period_s
            return value


def _from_csv(path: Path, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(float(row[0]), float(row[1])) for row in csv.reader(file) if _is_data(row)]
    except (OSError, ValueError, IndexError) as error:
        raise _bad(path, str(error)) from error
    seconds, rates = np.asarray(rows or [(math.nan, math.nan)]).T
    if not (np.isfinite(rates).all() and (rates > 0).all() and (np.diff(seconds) > 0).all()):
        raise _bad(path, "seconds have to ascend, and rates to be above 0")
    at = np.searchsorted(seconds, at_s, side="right") - 1
    return np.asarray(rates[np.maximum(at, 0)] / rates.mean())


def _is_data(row: list[str]) -> bool:
    return bool(row) and not row[0].strip().startswith(("#", "second"))


def _bad(path: Path, found: str) -> ScenarioError:
    return ScenarioError(
        f"asked for the load of {path}", found, "give lines of: second,requests per second"
    )
