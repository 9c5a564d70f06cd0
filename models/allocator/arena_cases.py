"""Made-up nodes as cases of an arena."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.madeup.populations import draw
from components.policy.candidates import candidates_of
from models.allocator.arena import Case

if TYPE_CHECKING:
    from components.madeup.surface import MadeUpSurface

_TARGETS_OF_A_NODE = (1.1, 1.5, 2.5)
"""Other targets of a made-up node, in latencies of its fastest candidate."""


def madeup_cases(family: str, n_nodes: int, seed: int, noise: float | None) -> tuple[Case, ...]:
    """Draw nodes of a family as cases.

    Args:
        family: the population.
        n_nodes: how many; the first of a seed are the same whatever their number.
        seed: of the nodes.
        noise: sigma of one window's log latency; None: each node has its own.

    Raises:
        MadeUpError: there is no such family.
    """
    return tuple(_case(surface, noise) for surface in draw(family, seed, n_nodes))


def _case(surface: MadeUpSurface, noise: float | None) -> Case:
    candidates = candidates_of(surface.topology)
    latency_ms = surface.latency_ms(candidates)
    noise = surface.noise if noise is None else noise
    fastest_ms = float(latency_ms.min())
    return Case(
        name=surface.name,
        family=surface.family,
        candidates=candidates,
        latency_ms=latency_ms,
        power_w=surface.power_w(candidates),
        target_ms=surface.target_ms,
        n_logical=surface.topology.n_logical,
        n_physical=surface.topology.n_physical,
        noise=noise,
        power_noise=0.5 * noise,
        topology=surface.topology,
        utilization=surface.response.utilization(surface.table.of(candidates)),
        node_targets_ms=tuple(factor * fastest_ms for factor in _TARGETS_OF_A_NODE),
    )
