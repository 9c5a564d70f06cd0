"""Recorded surfaces as a bundle carries them: what searches on these very nodes start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.policy.recorded import RecordedSurface
from models.allocator.surfaces import merge_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.policy.recorded import JobKey
    from models.allocator.surfaces import Surface

LEAST_ALLOCATIONS = 3
"""Fewer say nothing about the shape."""
LEAST_SIGMA = 1e-3


def recorded_surfaces(surfaces: Sequence[Surface]) -> tuple[RecordedSurface, ...]:
    """Lay out what was learned from or validated on, never what was held out.

    Of a job that was seen at several rates, the rate seen last; the latest jobs first. Recordings
    made elsewhere have no time: no search is of them.
    """
    newest: dict[JobKey, Surface] = {}
    live = [surface for surface in surfaces if surface.latest_s > 0.0]
    for surface in sorted(live, key=lambda s: s.latest_s):
        if len({p.candidate for p in (*surface.points, *surface.validation)}) >= LEAST_ALLOCATIONS:
            newest[surface.job] = surface
    by_age = sorted(newest.values(), key=lambda s: (-s.latest_s, s.name))
    return tuple(_recorded(surface) for surface in by_age)


def _recorded(surface: Surface) -> RecordedSurface:
    points = merge_points((*surface.points, *surface.validation))
    weights = np.asarray([point.weight for point in points])
    return RecordedSurface(
        surface.job,
        tuple(point.candidate for point in points),
        np.log([point.latency_ms for point in points]),
        np.log([point.power_w for point in points]),
        np.maximum(surface.noise / np.sqrt(weights), LEAST_SIGMA),
    )
