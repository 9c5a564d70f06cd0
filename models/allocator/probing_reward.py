"""What the probing environment asks for, and what it pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.allocator.surface_arrays import SurfaceArrays

REWARD_SCALE = 50.0
UNSAFE_COST = 0.002
PROBE_COST = 0.0005
MISS_COST = 15.0
"""More than any saving: from a regret of 1,000 % to none the potential pays 7.6."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an episode ended."""

    regret: float
    violated: bool
    probes: int
    unsafe: int


def potential(regret: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a relative excess of power is worth; log, so that the last percent counts."""
    return np.asarray(0.02 * np.log1p(np.maximum(regret, 0.0) / 0.005))


def draw_targets(surfaces: SurfaceArrays, rng: np.random.Generator) -> NDArray[np.float32]:
    """Half the surfaces keep theirs; a quarter get one near the fastest, a quarter at a step."""
    n = len(surfaces)
    fastest = np.where(surfaces.known, surfaces.latency_log, np.inf).min(axis=1)
    near = fastest + np.log1p(0.005 + rng.exponential(0.35, n))
    chosen = (rng.random(n) * surfaces.known.sum(axis=1)).astype(np.intp)
    at_step = surfaces.latency_log[np.arange(n), chosen] + np.log(rng.uniform(1.0, 1.03, n))
    kind = rng.random(n)
    drawn = np.where(kind < 0.5, surfaces.target_log, np.where(kind < 0.75, near, at_step))
    return drawn.astype(np.float32)
