"""Ports of everything that is read on a node."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from components.telemetry.errors import ReadingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.telemetry.sample import PowerSource


@dataclass(frozen=True, slots=True)
class LatencySnapshot:
    """Cumulative counts of a server since its start, per-image latency as a histogram.

    `bounds_s` are ascending upper bounds in seconds without +Inf; `counts` has one more entry
    than `bounds_s`, not cumulated over buckets; one count is one request.
    """

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    sum_s: float
    n_requests: int
    n_images: int
    n_received: int
    """Requests that arrived, answered or not."""

    def __post_init__(self) -> None:
        counted = (self.n_requests, self.n_images, self.n_received, *self.counts)
        if not (math.isfinite(self.sum_s) and self.sum_s >= 0 and min(counted) >= 0):
            raise ReadingError(
                "asked a server for its latencies",
                f"they sum up to {self.sum_s} s, of {self.n_requests} requests",
                "see what the server's page says; it is read again",
            )


class LatencySource(Protocol):
    """Reads a job's server. One instance per job."""

    def read(self) -> LatencySnapshot:
        """Read the counters now.

        Raises:
            ReadingError: this time it could not be read.
            MeterError: it will never be readable this way.
        """
        ...


class PowerMeter(Protocol):
    """Reads the energy of the whole node."""

    @property
    def source(self) -> PowerSource:
        """How the figure comes to be."""
        ...

    @property
    def idle_w(self) -> float | None:
        """Watts of the node while nothing runs, as far as it is known; None where it is not."""
        ...

    def energy_j(self) -> float:
        """Joules since some fixed start; never falls.

        Raises:
            ReadingError: this time it could not be read.
            MeterError: it will never be readable this way.
        """
        ...


class CpuTimes(Protocol):
    """Reads how long each logical CPU was busy."""

    def busy_s(self) -> Mapping[int, float]:
        """Busy seconds per logical CPU id since boot (user, system, irq, steal; not iowait).

        Raises:
            ReadingError: this time it could not be read.
        """
        ...
