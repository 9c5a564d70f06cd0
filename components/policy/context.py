"""What a search remembers of its candidates, as the predictor wants to see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.policy.evidence import Evidence

MAX_CONTEXT = 12
"""Most probes shown to the predictor: the first, to which all is relative, and the latest."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured candidate, as logarithms of ms and W."""

    candidate: int
    latency_log: float
    power_log: float


def remember(context: tuple[Reading, ...], reading: Reading) -> tuple[Reading, ...]:
    """Add a reading; one of the same candidate is replaced where it stands."""
    if any(old.candidate == reading.candidate for old in context):
        return tuple(reading if old.candidate == reading.candidate else old for old in context)
    kept = context if len(context) < MAX_CONTEXT else (context[0], *context[2:])
    return (*kept, reading)


def shift(
    context: tuple[Reading, ...], latency_log: float, power_log: float
) -> tuple[Reading, ...]:
    """Move every reading by what the load did to one of them."""
    return tuple(
        Reading(r.candidate, r.latency_log + latency_log, r.power_log + power_log) for r in context
    )


def reading_of(evidence: Evidence, candidate: int) -> Reading:
    """Mean of what was measured of a candidate of a single search."""
    return Reading(
        candidate,
        float(evidence.latency_log[0, candidate]),
        float(evidence.power_log[0, candidate]),
    )


def lay_probes(
    features: NDArray[np.float32], context: tuple[Reading, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lay out readings as `predict.onnx` takes them: shapes (1, P, F + 2) and (1, P)."""
    values = np.asarray([(r.latency_log, r.power_log) for r in context], dtype=np.float32)
    chosen = features[[r.candidate for r in context]]
    probes = np.concatenate([chosen, values], axis=1)
    return probes[np.newaxis], np.ones((1, len(context)), dtype=np.float32)
