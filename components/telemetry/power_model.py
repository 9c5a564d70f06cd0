"""Node power from CPU use, where no counter can be read.

P = n · (idle + (full - idle) · ū^exponent) watts, with n logical CPUs, ū their mean utilization and
both figures per logical CPU. Sources of the figures: the coefficients that Cloud Carbon Footprint
publishes per vCPU from SPECpower results. With exponent 1 it is their linear model; below 1 it is
concave, as real nodes are, whose first busy cores wake what all share. It is good for comparing
allocations of one node in the demo's sense, not for an energy bill: every figure says `modelled`.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.telemetry.cpu_times import cpu_utilization
from components.telemetry.errors import MeterError
from components.telemetry.sample import PowerSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from components.telemetry.meters import CpuTimes


@dataclass(frozen=True, slots=True)
class VcpuPower:
    """Watts one logical CPU stands for, idle and fully used."""

    idle_w: float
    full_w: float


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Watts per logical CPU over the mean utilization of all: `idle_w`, `full_w`, how it bends."""

    idle_w: float
    full_w: float
    exponent: float = 1.0
    """In (0, 1]; 1 is a straight line."""

    def __post_init__(self) -> None:
        if not (0 <= self.idle_w < self.full_w < math.inf and 0 < self.exponent <= 1):
            raise MeterError(
                "asked for a power model",
                f"{self.idle_w} W idle, {self.full_w} W full and exponent {self.exponent} a CPU "
                "cannot be",
                "give 0 ≤ idle < full and 0 < exponent ≤ 1",
            )

    def per_cpu_w(self, utilization: float) -> float:
        """Watts one logical CPU stands for while all are used so on the mean."""
        return float(self.idle_w + (self.full_w - self.idle_w) * utilization**self.exponent)


AVERAGE = VcpuPower(0.74, 3.5)
"""Average over the servers of a large cloud: for hosts of which nothing is known."""
EPYC_2 = VcpuPower(0.47, 1.69)
EPYC_3 = VcpuPower(0.45, 2.02)


def vcpu_power(cpu_model: str) -> VcpuPower:
    """Choose figures by the CPU's name as `/proc/cpuinfo` gives it."""
    words = cpu_model.upper().split()
    parts = [word for word in words if word[:1] == "7" and len(word) >= 4]
    if "EPYC" in words and parts:
        return {"2": EPYC_2, "3": EPYC_3}.get(parts[0][3], AVERAGE)
    return AVERAGE


class ModelledPower:
    """Integrates modelled power from read to read; a PowerMeter.

    Between two reads the mean utilization stands for the whole time, so with an exponent below 1
    reads should be as frequent as load changes.
    """

    def __init__(
        self,
        cpu_times: CpuTimes,
        *,
        n_logical: int,
        idle_w: float = AVERAGE.idle_w,
        full_w: float = AVERAGE.full_w,
        exponent: float = 1.0,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take figures per logical CPU: `idle_w` and `full_w` in watts, `exponent` in (0, 1].

        Raises:
            MeterError: a figure cannot be.
        """
        self.curve = PowerCurve(idle_w, full_w, exponent)
        if n_logical < 1:
            raise MeterError(
                f"asked for a power model of {n_logical} CPUs", "that cannot be", "give 1 or more"
            )
        self._cpu_times = cpu_times
        self._n_logical = n_logical
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._energy_j = 0.0
        self._last: tuple[float, Mapping[int, float]] | None = None

    @property
    def source(self) -> PowerSource:
        """Modelled, never measured."""
        return PowerSource.MODELLED

    def recalibrate(self, curve: PowerCurve) -> None:
        """Go by another curve from the next read on."""
        with self._lock:
            self.curve = curve

    def energy_j(self) -> float:
        """Joules since the first read.

        Raises:
            ReadingError: CPU times could not be read, and the next read covers the time since; or
                they are implausible (counters were reset), and counting starts anew from here.
        """
        with self._lock:
            now_s, busy_s = self._monotonic_s(), self._cpu_times.busy_s()
            if self._last is None:
                self._last = (now_s, busy_s)
            last_s, last_busy_s = self._last
            if now_s > last_s:
                self._last = (now_s, busy_s)
                utilization = cpu_utilization(last_busy_s, busy_s, now_s - last_s)
                self._energy_j += self.power_w(utilization.values()) * (now_s - last_s)
            return self._energy_j

    def power_w(self, utilization: Iterable[float]) -> float:
        """Watts of the node while its CPUs are used so."""
        used = tuple(utilization)
        mean = sum(used) / len(used) if used else 0.0
        return self._n_logical * self.curve.per_cpu_w(mean)

    @property
    def idle_w(self) -> float:
        """Watts of the node while nothing runs."""
        return self.power_w(())
