"""NVIDIA processors by their management library. The one file that knows pynvml.

A processor that cannot say how much energy it used (older than Volta) is refused rather than
integrated from power readings, which sample a quarter of the time on some models.
"""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass
from typing import Any

from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.sample import PowerSource

_MODULE = "pynvml"


@dataclass(frozen=True, slots=True)
class GpuReading:
    """What one processor says of itself; None where it does not say."""

    name: str
    energy_j: float
    """Since the driver was loaded."""
    power_w: float | None
    sm_clock_mhz: float | None
    max_sm_clock_mhz: float | None
    p_state: str | None
    """`P0` (fastest) to `P15`."""

    @property
    def clock_share(self) -> float | None:
        """SM clock over its maximum, in [0, 1]: how awake it is."""
        if self.sm_clock_mhz is None or not self.max_sm_clock_mhz:
            return None
        return min(self.sm_clock_mhz / self.max_sm_clock_mhz, 1.0)


class NvmlPower:
    """Adds up the energy of all NVIDIA processors; a PowerMeter."""

    def __init__(self, library: Any = None) -> None:
        """Open the library, or one that speaks like it.

        Raises:
            MeterError: there is no library, driver or processor, or one has no energy counter.
        """
        self._nvml = _load() if library is None else library
        self._lock = threading.Lock()
        try:
            self._nvml.nvmlInit()
            n_devices = int(self._nvml.nvmlDeviceGetCount())
            self._devices = [self._nvml.nvmlDeviceGetHandleByIndex(i) for i in range(n_devices)]
        except self._nvml.NVMLError as error:
            raise _absent(str(error), "load the NVIDIA driver, or leave nvml out") from error
        if not self._devices:
            raise _absent("it sees no processor", "leave nvml out of --power")
        self._start_j = [self._joules(device) for device in self._devices]
        self._last_j = list(self._start_j)

    @property
    def source(self) -> PowerSource:
        """A counter."""
        return PowerSource.MEASURED

    @property
    def idle_w(self) -> None:
        """Not known to a counter."""
        return

    def energy_j(self) -> float:
        """Joules of all processors since the meter was made.

        Raises:
            ReadingError: the driver did not answer, or a counter fell.
            MeterError: a processor is lost.
        """
        with self._lock:
            now_j = [self._joules(device) for device in self._devices]
            fallen = [i for i, j in enumerate(now_j) if j < self._last_j[i]]
            for i in fallen:  # counting goes on from what was reached
                self._start_j[i] += now_j[i] - self._last_j[i]
            self._last_j = now_j
            if fallen:
                raise ReadingError(
                    "asked NVML for energy", f"the counter of GPU {fallen} fell", "it is read again"
                )
            return sum(now - start for now, start in zip(now_j, self._start_j, strict=True))

    def gpus(self) -> tuple[GpuReading, ...]:
        """Read every processor.

        Raises:
            ReadingError, MeterError: as `energy_j`.
        """
        return tuple(self._gpu(device) for device in self._devices)

    def close(self) -> None:
        """Let go of the library."""
        self._nvml.nvmlShutdown()

    def _gpu(self, device: Any) -> GpuReading:
        nvml = self._nvml
        power_mw = self._optional(lambda: nvml.nvmlDeviceGetPowerUsage(device))
        p_state = self._optional(lambda: nvml.nvmlDeviceGetPerformanceState(device))
        name = self._optional_text(lambda: nvml.nvmlDeviceGetName(device))
        sm = nvml.NVML_CLOCK_SM
        return GpuReading(
            name=name,
            energy_j=self._joules(device),
            power_w=None if power_mw is None else power_mw / 1000,
            sm_clock_mhz=self._optional(lambda: nvml.nvmlDeviceGetClockInfo(device, sm)),
            max_sm_clock_mhz=self._optional(lambda: nvml.nvmlDeviceGetMaxClockInfo(device, sm)),
            p_state=None if p_state is None else f"P{p_state:.0f}",
        )

    def _joules(self, device: Any) -> float:
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(device)) / 1000
        except self._nvml.NVMLError_NotSupported as error:
            raise _absent(
                "a processor has no energy counter (it is older than Volta)",
                "leave nvml out of --power",
            ) from error
        except self._nvml.NVMLError_GpuIsLost as error:
            raise _absent("a processor is lost", "see dmesg; reset or replace it") from error
        except self._nvml.NVMLError as error:
            raise ReadingError("asked NVML for energy", str(error), "it is tried again") from error

    def _optional(self, ask: Any) -> float | None:
        """A number the processor may not tell."""
        try:
            return float(ask())
        except self._nvml.NVMLError:
            return None

    def _optional_text(self, ask: Any) -> str:
        try:
            name = ask()
        except self._nvml.NVMLError:
            return "GPU"
        return name.decode() if isinstance(name, bytes) else str(name)


def _load() -> Any:
    try:
        return importlib.import_module(_MODULE)
    except ImportError as error:
        raise _absent(
            f"the module {_MODULE} is not installed", "pip install joulepilot[gpu]"
        ) from error


def _absent(found: str, remedy: str) -> MeterError:
    return MeterError("asked NVML for the energy of NVIDIA processors", found, remedy)
