"""Random departures from the laws of made-up nodes, to learn that laws do not hold exactly.

What is learned from a few laws alone is too sure of itself on nodes of another kind. So part of
the surfaces scale less than their law says, bend smoothly or roughly over what a candidate takes
of the node, and have costs of their own where siblings or further sockets come in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.features import CANDIDATE_FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.allocator.surface_arrays import SurfaceArrays

BENT_SHARE = 0.6
"""Of the surfaces; the others keep their law."""
_N_WAVES = 12
_COLUMN = {spec.name: at for at, spec in enumerate(CANDIDATE_FEATURES)}
_PLACES = {
    "log_cpus": 1.0,
    "log_cores": 1.0,
    "log_effective_cores": 1.0,
    "siblings_per_core": 1.5,
    "share_of_sockets": 1.5,
    "log_l3_groups": 0.7,
    "l3_fill": 1.0,
    "socket_balance": 0.7,
}
"""What surfaces bend over, and how much a unit of it counts."""
_SLOWEST = float(np.log(60.0))


def bend(surfaces: SurfaceArrays, seed: int, share: float = BENT_SHARE) -> SurfaceArrays:
    """Bend some of the surfaces; those get new targets, any latency they have as likely.

    Args:
        surfaces: candidate 0 stays where it is, all others move against it.
        seed: of all that is drawn.
        share: of the surfaces that are bent.
    """
    rng = np.random.default_rng(seed)
    n = len(surfaces)
    bent = rng.random(n) < share
    latency = _scaled(surfaces.latency_log, _exponents(rng, n, 0.3, 1.1))
    latency = latency + _waves(surfaces.features, rng, (0.01, 0.3), (0.3, 3.0))
    latency = latency + _steps(surfaces.features, rng)
    power = _scaled(surfaces.power_log, _exponents(rng, n, 0.6, 1.3))
    power = power + _waves(surfaces.features, rng, (0.003, 0.06), (0.4, 3.0))
    latency = np.where(bent[:, np.newaxis], latency, surfaces.latency_log)
    power = np.where(bent[:, np.newaxis], power, surfaces.power_log)
    fastest = np.where(surfaces.known, latency, np.inf).min(axis=1)
    slowest = np.where(surfaces.known, latency, -np.inf).max(axis=1)
    slowest = np.minimum(slowest, fastest + _SLOWEST)
    target = fastest + 0.005 + rng.random(n) * (slowest - fastest)
    return replace(
        surfaces,
        latency_log=latency.astype(np.float32),
        power_log=power.astype(np.float32),
        target_log=np.where(bent, target, surfaces.target_log).astype(np.float32),
    )


def _exponents(rng: np.random.Generator, n: int, low: float, high: float) -> NDArray[np.float64]:
    """Half of the surfaces keep their scaling."""
    return np.where(rng.random(n) < 0.5, rng.uniform(low, high, n), 1.0)


def _scaled(values: NDArray[np.float32], exponents: NDArray[np.float64]) -> NDArray[np.float64]:
    first = values[:, :1].astype(np.float64)
    return np.asarray(first + (values - first) * exponents[:, np.newaxis])


def _waves(
    features: NDArray[np.float32],
    rng: np.random.Generator,
    heights: tuple[float, float],
    lengths: tuple[float, float],
) -> NDArray[np.float64]:
    """A random function of each surface's places, 0 at candidate 0; shape (N, C)."""
    places = features[:, :, [_COLUMN[name] for name in _PLACES]] * np.asarray([*_PLACES.values()])
    n, n_places = len(features), len(_PLACES)
    height = np.exp(rng.uniform(np.log(heights[0]), np.log(heights[1]), n)) * np.sqrt(
        2.0 / _N_WAVES
    )
    length = np.exp(rng.uniform(np.log(lengths[0]), np.log(lengths[1]), n)) * np.sqrt(
        n_places / 3.0
    )
    # heavy tails: some waves are much shorter than the others
    waves = rng.standard_t(3, (n, _N_WAVES, n_places)) / length[:, np.newaxis, np.newaxis]
    phase = rng.uniform(0.0, 2.0 * np.pi, (n, 1, _N_WAVES))
    drawn = np.cos(np.matmul(places, waves.transpose(0, 2, 1)) + phase).sum(axis=2)
    return np.asarray(height[:, np.newaxis] * (drawn - drawn[:, :1]))


def _steps(features: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
    """Costs of using siblings at all, and of every doubling of sockets; 0 for candidate 0."""
    n = len(features)
    siblings = rng.exponential(0.06, n) * (rng.random(n) < 0.3)
    sockets = rng.normal(0.0, 0.12, n) * (rng.random(n) < 0.3)
    uses = features[:, :, _COLUMN["siblings_per_core"]] > 0.0
    doublings = np.log(np.maximum(features[:, :, _COLUMN["share_of_sockets"]], 1e-3))
    drawn = siblings[:, np.newaxis] * uses + sockets[:, np.newaxis] * doublings
    return np.asarray(drawn - drawn[:, :1])
