"""How a made-up job with devices answers: on the CPU by the threads it gets, else by its device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.devices.running import Accounting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.madeup.devices.network import MadeUpNetwork
    from components.madeup.devices.running import BatchRun, RunningDevices
    from components.madeup.footprint import Footprints

CPU = "cpu"
MOST_BUSY = 0.98
"""Beyond this share of its time a server only queues; the queue is taken to end there."""
FEEDING = 0.05
"""Share of a CPU that feeding another device keeps busy."""


@dataclass(frozen=True)
class DeviceResponse:
    """Implements `Response`: a steady rhythm of batches on one device of a made-up host."""

    host: RunningDevices
    network: MadeUpNetwork
    device: str
    batch: int
    rate_per_s: float
    """Batches."""
    idle_w: float
    """Of the node."""
    slower: float = 1.0
    """What was done to the device to make it slower."""

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): mean latency per image, queueing included."""
        return np.array([self._image_ms(int(n)) for n in footprints.n_cpus])

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): mean power of the node."""
        return np.array([self._power_w(int(n)) for n in footprints.n_cpus])

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): how busy the job keeps its CPUs."""
        if self.device != CPU:
            return np.full(len(footprints.n_cpus), FEEDING)
        return np.array([self._busy(self.steady(int(n))) for n in footprints.n_cpus])

    def at_load(self, factor: float) -> DeviceResponse:
        """The same at another rate of batches."""
        return replace(self, rate_per_s=self.rate_per_s * factor)

    def steady(self, n_cpus: int) -> BatchRun:
        """One batch of the rhythm, when clock and rest are in balance."""
        device = f"{CPU}@{min(n_cpus, self.host.n_cores)}" if self.device == CPU else self.device
        return self.host.steady(self.network, self.batch, device, self.rate_per_s)

    def _busy(self, run: BatchRun) -> float:
        return min(self.rate_per_s * run.latency_ms * self.slower / 1000, MOST_BUSY)

    def _image_ms(self, n_cpus: int) -> float:
        run = self.steady(n_cpus)
        busy = self._busy(run)
        waiting = busy / (2.0 * (1.0 - busy))  # one server, steady work
        return run.latency_ms * self.slower * (1.0 + waiting) / self.batch

    def _power_w(self, n_cpus: int) -> float:
        run = self.steady(n_cpus)
        batch_j = run.joules(Accounting.MARGINAL) * self.slower
        most_per_s = 1000 * MOST_BUSY / (run.latency_ms * self.slower)
        return self.idle_w + batch_j * min(self.rate_per_s, most_per_s)
