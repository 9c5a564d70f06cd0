"""What every made-up host with three processors can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.madeup.devices.network import MadeUpNetwork

DEVICES = {"cpu": "cpu", "igpu": "igpu", "dgpu": "dgpu"}  # name -> kind


@dataclass(frozen=True, slots=True)
class Cost:
    """What one device takes for one batch.

    Attributes:
        latency_ms: one batch from the present state, wake-up and transfer in.
        energy_j: of that batch, tail power of the device after it in (marginal accounting: what
            the idle host draws anyway is out).
        throughput_per_s: inputs a second, sustained and warm, transfer overlapped.
    """

    latency_ms: float
    energy_j: float
    throughput_per_s: float


@dataclass(frozen=True, slots=True)
class BatchParts:
    """What one batch on one device is made of.

    Attributes:
        warm_ms: at the highest clock, inputs in place.
        wake_ms: lost while the clock rises from where it was.
        transfer_ms: of the inputs to the device's memory.
        active_j: above the idle host until the answer is there.
        tail_j: above the idle host after it, until the device rests.
        throughput_per_s: inputs a second, sustained and warm, transfer overlapped.
    """

    warm_ms: float
    wake_ms: float
    transfer_ms: float
    active_j: float
    tail_j: float
    throughput_per_s: float

    @property
    def cost(self) -> Cost:
        """The parts added up, marginal accounting."""
        return Cost(
            latency_ms=self.warm_ms + self.wake_ms + self.transfer_ms,
            energy_j=self.active_j + self.tail_j,
            throughput_per_s=self.throughput_per_s,
        )


class DeviceHost(Protocol):
    """A host with a CPU, an integrated and a discrete GPU."""

    @property
    def devices(self) -> Mapping[str, str]:
        """Kind of each device by its name; `cpu@4` is the CPU on four threads."""
        ...

    @property
    def name(self) -> str:
        """Says `simulated`, the generator and the seed."""
        ...

    def costs(self, network: MadeUpNetwork, batch: int, clock_share: float) -> Mapping[str, Cost]:
        """The true cost on each device, without noise.

        Args:
            network: what runs.
            batch: inputs in the batch.
            clock_share: clock of the discrete GPU over its maximum, in (0, 1]; low when idle.
        """
        ...

    def parts(
        self, network: MadeUpNetwork, batch: int, device: str, clock_share: float
    ) -> BatchParts:
        """What one batch on one device is made of; `clock_share` is that device's own."""
        ...
