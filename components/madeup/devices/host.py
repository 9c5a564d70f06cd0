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


class DeviceHost(Protocol):
    """A host with a CPU, an integrated and a discrete GPU."""

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
