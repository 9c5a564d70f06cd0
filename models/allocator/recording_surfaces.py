"""Kept recordings as surfaces to learn from, beside those compiled from samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.policy.recorded import JobKey
from models.allocator.surfaces import NOISE_PRIOR, Point, Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.allocator.recordings import Recording

RECORDING_WEIGHT = 0.5
"""A recording over a live surface: it was measured elsewhere, and nobody knows how well."""


def surfaces_of_recordings(recordings: Sequence[Recording]) -> tuple[Surface, ...]:
    """Lay recordings out as surfaces, per image.

    They have no times: nothing of one is held out but by holding it out whole, see `live_split`.
    Its node is the recording's node class: two sweeps of one class are never on both sides.
    """
    return tuple(_surface(recording) for recording in recordings)


def _surface(recording: Recording) -> Surface:
    sidecar = recording.sidecar
    images = sidecar.batch_size if sidecar.latency_unit == "batch" else 1
    points = tuple(
        Point(candidate, float(latency_ms) / images, float(power_w), 1, RECORDING_WEIGHT)
        for candidate, latency_ms, power_w in zip(
            recording.candidates, recording.latency_ms, recording.power_w, strict=True
        )
    )
    middle = float(recording.latency_ms[len(recording.latency_ms) // 2])
    targets_ms = [float(target) for target in sidecar.targets_ms] or [middle]
    return Surface(
        name=f"recording {recording.name}",
        job=JobKey(
            node=f"recorded {sidecar.node_class}",
            image=f"recording {recording.name}",
            model=sidecar.model,
            batch_size=sidecar.batch_size,
            statistic=sidecar.latency_statistic,
        ),
        node_class=sidecar.node_class,
        topology=recording.topology,
        points=points,
        validation=(),
        held_out=(),
        targets_ms=tuple(target / images for target in targets_ms),
        noise=NOISE_PRIOR,
        learned_rows=frozenset(f"{recording.name} row {i}" for i in range(len(points))),
    )
