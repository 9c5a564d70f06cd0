"""Meters that add up: processors and GPUs of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.telemetry.sample import PowerSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.telemetry.meters import PowerMeter


class SummedPower:
    """The sum of several counters; a PowerMeter. One that cannot be read makes the sum unread."""

    def __init__(self, meters: Sequence[PowerMeter]) -> None:
        self._meters = tuple(meters)

    @property
    def source(self) -> PowerSource:
        """Measured only when all are."""
        sources = {meter.source for meter in self._meters}
        return sources.pop() if len(sources) == 1 else PowerSource.MODELLED

    @property
    def idle_w(self) -> None:
        """Not known to a counter."""
        return

    def energy_j(self) -> float:
        """Joules of all.

        Raises:
            ReadingError, MeterError: one of them could not be read.
        """
        return sum(meter.energy_j() for meter in self._meters)
