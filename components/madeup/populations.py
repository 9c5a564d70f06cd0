"""Seeded populations of made-up nodes: two families to learn from, two to be judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.madeup import family_knots, family_stepped, family_tiles, family_usl
from components.madeup.errors import MadeUpError
from components.madeup.family_knots import draw_knots
from components.madeup.family_stepped import draw_stepped
from components.madeup.family_tiles import draw_tiles
from components.madeup.family_usl import draw_usl
from components.madeup.footprint import grid_table
from components.madeup.surface import MadeUpSurface, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from components.madeup.footprint import LayoutTable

TRAINING_FAMILIES = (family_usl.FAMILY, family_tiles.FAMILY)
EVALUATION_FAMILIES = (family_stepped.FAMILY, family_knots.FAMILY)
"""Never learn from these: they show how a policy does on nodes of another kind."""

_DRAWS: Mapping[str, Callable[[np.random.Generator, LayoutTable], Response]] = {
    family_usl.FAMILY: draw_usl,
    family_tiles.FAMILY: draw_tiles,
    family_stepped.FAMILY: draw_stepped,
    family_knots.FAMILY: draw_knots,
}
_MIN_LOGICAL, _MAX_LOGICAL = 2, 256
_CORES = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128)


def draw(family: str, seed: int, n: int) -> tuple[MadeUpSurface, ...]:
    """Draw n surfaces; the first n of a seed are the same whatever n is.

    Raises:
        MadeUpError: there is no such family.
    """
    if family not in _DRAWS:
        raise MadeUpError(
            f"asked for the made-up family {family!r}",
            "there is none of that name",
            f"give one of {', '.join(_DRAWS)}",
        )
    rng = np.random.default_rng([seed, *family.encode()])
    return tuple(_draw_one(family, f"{family}-{seed}-{index}", rng) for index in range(n))


def _draw_one(family: str, name: str, rng: np.random.Generator) -> MadeUpSurface:
    table = draw_node(rng)
    response = _DRAWS[family](rng, table)
    return MadeUpSurface(
        name=name,
        family=family,
        table=table,
        response=response,
        target_ms=_draw_target_ms(rng, response.latency_ms(table.footprints)),
        noise=float(np.clip(np.exp(rng.normal(np.log(0.004), 0.7)), 0.0005, 0.03)),
    )


def draw_node(rng: np.random.Generator) -> LayoutTable:
    """Draw a regular node of 2 to 256 logical CPUs, small and large ones equally often."""
    while True:
        threads = int(rng.choice([1, 2], p=[0.35, 0.65]))
        sockets = int(rng.choice([1, 2, 4], p=[0.52, 0.42, 0.06]))
        groups = int(rng.choice([1, 2, 4, 8], p=[0.46, 0.22, 0.2, 0.12]))
        wanted = np.exp(rng.uniform(np.log(_MIN_LOGICAL), np.log(_MAX_LOGICAL)))
        cores_per_l3 = min(_CORES, key=lambda n: abs(n * threads * sockets * groups - wanted))
        if _MIN_LOGICAL <= threads * sockets * groups * cores_per_l3 <= _MAX_LOGICAL:
            return grid_table(
                sockets=sockets,
                l3_per_socket=groups,
                cores_per_l3=cores_per_l3,
                threads_per_core=threads,
            )


def _draw_target_ms(rng: np.random.Generator, latency_ms: NDArray[np.float64]) -> float:
    """Draw a target between fastest and slowest: even in log, near the fastest, or at a CPU count.

    One in fifty lies up to 5 % below the fastest: nothing meets it.
    """
    fastest = float(latency_ms.min())
    slowest = min(float(latency_ms.max()), 60.0 * fastest)
    kind = rng.random()
    if kind < 0.02:
        return fastest * float(rng.uniform(0.95, 0.999))
    if kind < 0.52:
        return float(np.exp(rng.uniform(np.log(fastest * 1.005), np.log(slowest * 1.01))))
    if kind < 0.77:
        return fastest * float(1.005 + rng.exponential(0.35))
    return float(rng.choice(latency_ms[latency_ms <= slowest])) * float(rng.uniform(1.0, 1.03))
