"""Recorded surfaces as arrays to learn from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.features import candidate_features
from models.allocator.surface_arrays import MAX_CANDIDATES, join, pack, widest_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.allocator.surface_arrays import SurfaceArrays
    from models.allocator.surfaces import Point, Surface

LIVE_SHARE = 0.3
"""How much of what is learned from was recorded, however little of it there is."""


def mix(live: SurfaceArrays, madeup: SurfaceArrays) -> SurfaceArrays:
    """Join both so that recorded surfaces are drawn with their share."""
    mixed = join([live, madeup])
    weight = mixed.weight.copy()
    weight[: len(live)] *= LIVE_SHARE / weight[: len(live)].sum()
    weight[len(live) :] *= (1.0 - LIVE_SHARE) / weight[len(live) :].sum()
    return replace(mixed, weight=weight)


def of_live(surfaces: Sequence[Surface]) -> SurfaceArrays:
    """Lay out the points to learn from, never those held out; one entry per target in force.

    A surface weighs as its points do on average, shared out over its targets. Of more than 96
    points those with the greatest weight are kept.
    """
    columns, targets, noise, weights = [], [], [], []
    for surface in surfaces:
        for target_ms in surface.targets_ms:
            columns.append(_columns(surface))
            targets.append(np.log(target_ms))
            noise.append(surface.noise)
            mean = np.mean([min(point.weight / point.n_windows, 1.0) for point in surface.points])
            weights.append(float(mean) / len(surface.targets_ms))
    return pack(
        columns,
        np.asarray(targets, dtype=np.float32),
        np.asarray(noise, dtype=np.float32),
        np.asarray(weights, dtype=np.float32),
    )


def _columns(surface: Surface) -> tuple[NDArray[np.float32], ...]:
    points = _kept(surface)
    candidates = [point.candidate for point in points]
    values = (
        [np.log(point.latency_ms) for point in points],
        [np.log(point.power_w) for point in points],
        [float(candidate.n_cpus) for candidate in candidates],
    )
    return (
        candidate_features(surface.topology, candidates),
        *(np.asarray(column, dtype=np.float32) for column in values),
    )


def _kept(surface: Surface) -> list[Point]:
    """Points to learn from: the widest, all physical cores, then by weight."""
    points = list(surface.points)
    candidates = [point.candidate for point in points]
    first = widest_first(candidates, surface.topology.n_physical)
    others = sorted(set(range(len(points))) - set(first), key=lambda i: -points[i].weight)
    return [points[i] for i in (*first, *others)][:MAX_CANDIDATES]
