"""A made-up host while it runs: batches come in, clocks rise and fall, joules are counted.

host = RunningDevices(RooflineHost(0))
run = host.run(network, 64, "dgpu", at_s=0.0)
run.latency_ms, run.wake_ms, run.joules(Accounting.MARGINAL)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.madeup.devices.idle import HOST_IDLE_W, IDLE
from components.madeup.devices.roofline_host import N_CORES
from components.madeup.errors import MadeUpError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.madeup.devices.host import BatchParts
    from components.madeup.devices.idle import IdleFacts
    from components.madeup.devices.network import MadeUpNetwork
    from components.madeup.devices.roofline_host import RooflineHost

FORGETS_AFTER = 400
"""Batches after which a steady rhythm has found its clock, whatever it began with."""


class Accounting(StrEnum):
    """Which joules of a batch count."""

    MARGINAL = "marginal"
    """Above what the idle host draws anyway, the tail after the batch in."""
    WITH_IDLE_SHARE = "with-idle-share"
    """The same, and what the idle host draws for the time of the batch."""


@dataclass(frozen=True, slots=True)
class BatchRun:
    """One simulated batch.

    Attributes:
        host: its name, which says `simulated`.
        clock_before, clock_after: of the device over its maximum.
        parts: of its latency and energy.
    """

    host: str
    device: str
    batch: int
    clock_before: float
    clock_after: float
    parts: BatchParts

    @property
    def latency_ms(self) -> float:
        """From the request to the answer: wake-up, transfer and work."""
        return self.parts.warm_ms + self.parts.wake_ms + self.parts.transfer_ms

    @property
    def wake_ms(self) -> float:
        """Of it, lost while the clock rose."""
        return self.parts.wake_ms

    @property
    def transfer_ms(self) -> float:
        """Of it, spent on moving inputs."""
        return self.parts.transfer_ms

    def joules(self, accounting: Accounting) -> float:
        """What the batch costs by a declared accounting."""
        marginal_j = self.parts.active_j + self.parts.tail_j
        if accounting is Accounting.MARGINAL:
            return marginal_j
        return marginal_j + HOST_IDLE_W * self.latency_ms / 1000


class RunningDevices:
    """Remembers when each device was last busy and at which clock it was left."""

    def __init__(self, host: RooflineHost) -> None:
        self._host = host
        self._left: dict[str, tuple[float, float]] = {}

    @property
    def name(self) -> str:
        """Says `simulated`."""
        return self._host.name

    @property
    def devices(self) -> Mapping[str, str]:
        """Kind of each device by name."""
        return self._host.devices

    @property
    def n_cores(self) -> int:
        """Cores of the CPU."""
        return N_CORES

    def clock_share(self, device: str, at_s: float) -> float:
        """The clock of a device over its maximum; one never used is at rest.

        Raises:
            MadeUpError: there is no such device.
        """
        facts = self.facts(device)
        if device not in self._left:
            return facts.lowest_share
        busy_until_s, share = self._left[device]
        return facts.share_after(share, at_s - busy_until_s)

    def run(self, network: MadeUpNetwork, batch: int, device: str, at_s: float) -> BatchRun:
        """Run one batch from the state the device is in; the state moves on.

        Raises:
            MadeUpError: there is no such device, or it does not hold so much.
        """
        run = self.from_state(network, batch, device, self.clock_share(device, at_s))
        self._left[device] = (at_s + run.latency_ms / 1000, run.clock_after)
        return run

    def from_state(
        self, network: MadeUpNetwork, batch: int, device: str, clock_share: float
    ) -> BatchRun:
        """What one batch would take from a given state; nothing moves on.

        Raises:
            MadeUpError: there is no such device, or it does not hold so much.
        """
        self._demand_room(network, batch, device)
        parts = self._host.parts(network, batch, device, clock_share)
        after = self._risen(device, clock_share, parts.warm_ms + parts.wake_ms)
        return BatchRun(self.name, device, batch, clock_share, after, parts)

    def steady(
        self, network: MadeUpNetwork, batch: int, device: str, rate_per_s: float
    ) -> BatchRun:
        """The batch that a steady rhythm of requests comes to, clock and rest in balance."""
        facts = self.facts(device)
        run = self.from_state(network, batch, device, facts.lowest_share)
        for _ in range(FORGETS_AFTER):
            gap_s = max(1.0 / rate_per_s - run.latency_ms / 1000, 0.0)
            share = facts.share_after(run.clock_after, gap_s)
            if abs(share - run.clock_before) < 1e-9:
                break
            run = self.from_state(network, batch, device, share)
        return run

    def facts(self, device: str) -> IdleFacts:
        """What a device does between batches.

        Raises:
            MadeUpError: there is no such device.
        """
        kind = device.partition("@")[0]
        if kind not in IDLE:
            raise MadeUpError(
                f"asked for the device {device!r} of {self.name}",
                f"it has {', '.join(self._host.devices)}",
                "name one of these",
            )
        return IDLE[kind]

    def _risen(self, device: str, share: float, busy_ms: float) -> float:
        wake_ms = self._host.wake_ms(device)
        return 1.0 if wake_ms == 0.0 else min(1.0, share + busy_ms / wake_ms)

    def _demand_room(self, network: MadeUpNetwork, batch: int, device: str) -> None:
        needed_mb = memory_mb(network, batch)
        if needed_mb > self.facts(device).memory_mb:
            raise MadeUpError(
                f"asked for a batch of {batch} of {network.name} on {device}",
                f"it needs {needed_mb:.0f} MB of {self.facts(device).memory_mb:.0f}",
                "ask for a smaller batch",
            )


def memory_mb(network: MadeUpNetwork, batch: int) -> float:
    """Weights, inputs and what layers write; at most two neighbouring layers are alive at once."""
    alive_mb = 2.0 * network.activations_mb / max(network.layers, 1)
    return network.parameters_mb + batch * (network.input_mb + alive_mb)
