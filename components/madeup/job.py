"""A job on a made-up node, and what its server has counted so far."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from components.actuation.host import Container
from components.madeup.errors import MadeUpError
from components.madeup.tenancy import MINDS_NOBODY
from components.telemetry.meters import LatencySnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.madeup.surface import Response
    from components.madeup.tenancy import Manners

BOUNDS_S: tuple[float, ...] = tuple(
    round(float(bound), 7) for bound in np.geomspace(0.0005, 2.0, 109)
)
"""Upper bounds of the latency histogram, each 8 % above the one before."""

NOISE_WINDOW_S = 10.0
"""`noise` is the sigma of the mean of a window of this length; longer ones average it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpJob:
    """What runs in one made-up container."""

    name: str
    response: Response
    rate_per_s: float
    """Requests offered, at which `response` is as it was drawn."""
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = "simulated/inference"
    batch_size: int = 1
    manners: Manners = MINDS_NOBODY
    """Towards the other jobs of its node."""
    spread: float = 0.08
    """Standard deviation of the natural logarithm of single requests' latency."""

    def __post_init__(self) -> None:
        if not (self.rate_per_s > 0 and self.batch_size >= 1 and self.spread > 0):
            raise MadeUpError(
                f"asked for the made-up job {self.name!r} with {self.rate_per_s} requests/s, "
                f"batches of {self.batch_size}, spread {self.spread}",
                "each has to be positive",
                "give positive numbers",
            )

    def container(self) -> Container:
        """Describe the container it runs in; its id follows from its name."""
        return Container(
            id=hashlib.sha256(self.name.encode()).hexdigest(),
            name=self.name,
            image=self.image,
            image_digest=f"sha256:{hashlib.sha256(self.image.encode()).hexdigest()}",
            labels=dict(self.labels),
        )


class ServerCounters:
    """Cumulative counts of one made-up server; only grows until the server is restarted."""

    def __init__(self, job: MadeUpJob, rng: np.random.Generator) -> None:
        self.job = job
        self._rng = rng
        self._counts = np.zeros(len(BOUNDS_S) + 1, dtype=np.int64)
        self._log_bounds_ms = [math.log(1e3 * bound) for bound in BOUNDS_S]
        self._sum_s = 0.0
        self._received = 0.0
        self._n_images = 0
        self.cpu_time_s = 0.0
        self.run_queue_wait_s = 0.0

    def serve(self, seconds: float, rate_per_s: float, mean_ms: float, noise: float) -> None:
        """Answer what arrives in a stretch of time with one mean latency.

        The mean carries the noise; single requests scatter log-normally around it.
        """
        drift = noise * math.sqrt(NOISE_WINDOW_S / seconds) * self._rng.standard_normal()
        seen_ms = mean_ms * math.exp(min(drift, 1.0))
        before = int(self._received)
        self._received += seconds * rate_per_s
        n_requests = int(self._received) - before
        self._counts += self._rng.multinomial(n_requests, self._shares(seen_ms))
        self._sum_s += n_requests * seen_ms / 1e3
        self._n_images += n_requests * self.job.batch_size

    def snapshot(self) -> LatencySnapshot:
        """Read the counters as a page of the server would show them."""
        n_requests = int(self._received)
        return LatencySnapshot(
            bounds_s=BOUNDS_S,
            counts=tuple(int(count) for count in self._counts),
            sum_s=self._sum_s,
            n_requests=n_requests,
            n_images=self._n_images,
            n_received=n_requests,
        )

    def _shares(self, mean_ms: float) -> list[float]:
        """Share of requests in each bucket."""
        spread = self.job.spread
        centre = math.log(mean_ms) - spread**2 / 2
        scale = spread * math.sqrt(2.0)
        below = [0.5 * (1.0 + math.erf((b - centre) / scale)) for b in self._log_bounds_ms]
        edges = [0.0, *below, 1.0]
        return [high - low for low, high in pairwise(edges)]
