"""What was recorded of one job on one node, as a bundle carries it and a search uses it.

The predictor knows how nodes behave in general. That one L3 group of this node is slow it cannot
know; telemetry of this node says it. So a bundle may hold, beside its graphs, the surfaces that
were recorded live, and a search on a node whose job is among them starts from both.

A recorded surface counts as far as it agrees with what is measured now: it is moved by the mean
difference (another load), and doubted by how far differences scatter (another shape). Where it is
contradicted it stops to matter; a measured candidate always stands for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from components.policy.belief import Forecast
from components.policy.recorded_errors import ErrorModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology
    from components.policy.context import Reading

DRIFT = 0.01
"""sigma of how far one candidate moved since, beside the others, in natural logarithms."""
MOVED_DOUBT = 0.25
"""Share of a common move, by load, that a shape may be off by."""


@dataclass(frozen=True, slots=True)
class JobKey:
    """Whose surface it is: as samples name it."""

    node: str
    image: str
    model: str
    batch_size: int
    statistic: str


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSurface:
    """Latency and power of some candidates of one job, ascending; arrays of shape (K,)."""

    job: JobKey
    candidates: tuple[Candidate, ...]
    latency_log: NDArray[np.float64]
    """Natural logarithm of ms."""
    power_log: NDArray[np.float64]
    """Natural logarithm of the node's W."""
    sigma: NDArray[np.float64]
    """Standard error of each log latency; log power has half of it."""


@dataclass(frozen=True, slots=True)
class RecordedSurfaces:
    """All that a bundle holds, by job."""

    by_job: Mapping[JobKey, RecordedSurface] = field(default_factory=dict)

    def of(self, job: JobKey | None) -> RecordedSurface | None:
        """What was recorded of a job; None where nothing was."""
        return None if job is None else self.by_job.get(job)


class RecordedBelief:
    """A recorded surface laid out over the candidates of one search."""

    def __init__(
        self, surface: RecordedSurface, topology: Topology, candidates: Sequence[Candidate]
    ) -> None:
        position = {candidate: at for at, candidate in enumerate(candidates)}
        kept = [k for k, c in enumerate(surface.candidates) if c in position]
        self._at = np.asarray([position[surface.candidates[k]] for k in kept], dtype=np.intp)
        self._logs = (surface.latency_log[kept], surface.power_log[kept])
        self._errors = tuple(
            ErrorModel(topology, candidates, self._at, share * surface.sigma[kept])
            for share in (1.0, 0.5)
        )

    def join(self, forecast: Forecast, readings: Sequence[Reading]) -> Forecast:
        """Correct a forecast of one search by what was recorded, as far as that is believed.

        Args:
            forecast: shape (1, C).
            readings: what was measured now; the first of them were read first.
        """
        if not len(self._at) or not readings:
            return forecast
        at = np.asarray([reading.candidate for reading in readings])
        read = (
            np.asarray([reading.latency_log for reading in readings]),
            np.asarray([reading.power_log for reading in readings]),
        )
        given = (
            (forecast.latency_log[0], forecast.latency_sigma[0]),
            (forecast.power_log[0], forecast.power_sigma[0]),
        )
        parts = [
            part[np.newaxis]
            for quantity, (mean, sigma) in enumerate(given)
            for part in self._corrected(quantity, mean, sigma, at, read[quantity])
        ]
        return Forecast(*parts)

    def _corrected(
        self,
        quantity: int,
        mean: NDArray[np.float64],
        sigma: NDArray[np.float64],
        at: NDArray[np.intp],
        read: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and sigma of one quantity of every candidate, from both sources."""
        seen = self._logs[quantity] - mean[self._at]
        off, variance = self._errors[quantity].predict(seen)
        moved = read - (mean + off)[at]
        common = float(moved.mean())
        scatter = float(((moved - common) ** 2).sum() / max(len(moved) - 1, 1))
        doubt = DRIFT**2 + (MOVED_DOUBT * common) ** 2 + scatter
        # a predictor that was seen to be off here is trusted no further than that
        own = sigma**2 + float(((seen + common) ** 2).mean())
        weight = own / (own + variance + doubt)
        left = weight**2 * (variance + doubt) + (1.0 - weight) ** 2 * own
        return mean + weight * (off + common), np.sqrt(left)
