"""One NVIDIA GPU by its management library: how awake it is, and what it has used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.devices.device import DeviceState
from components.devices.errors import DeviceAbsentError
from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.nvml import NvmlPower
from components.telemetry.sample import PowerSource

if TYPE_CHECKING:
    from components.telemetry.nvml import GpuReading


class NvidiaGpu:
    """A GPU's energy counter and state; a PowerMeter of this GPU alone."""

    def __init__(self, index: int, nvml: Any = None) -> None:
        """Find the GPU; `nvml` is the library, or what speaks like it.

        Raises:
            DeviceAbsentError: there is no driver, no such GPU, or it has no energy counter.
        """
        self._index = index
        try:
            self._library = NvmlPower(nvml)
            n_gpus = len(self._library.gpus())
        except (MeterError, ReadingError) as error:
            raise DeviceAbsentError(self._asked, error.found, error.remedy) from error
        if index >= n_gpus:
            self._library.close()
            raise DeviceAbsentError(
                self._asked, f"NVML sees {n_gpus} GPUs", "count them from 0, or leave it out"
            )

    @property
    def source(self) -> PowerSource:
        """A counter."""
        return PowerSource.MEASURED

    @property
    def idle_w(self) -> None:
        """Not known to a counter."""
        return

    @property
    def product(self) -> str:
        """Name of the GPU.

        Raises:
            ReadingError: the driver did not answer.
            MeterError: the GPU is lost.
        """
        return self._reading().name

    def energy_j(self) -> float:
        """Joules since the driver was loaded.

        Raises:
            ReadingError: the driver did not answer.
            MeterError: the GPU is lost.
        """
        return self._reading().energy_j

    def state(self) -> DeviceState:
        """Clock over its maximum, and P-state.

        Raises:
            ReadingError: the driver did not answer.
            MeterError: the GPU is lost.
        """
        reading = self._reading()
        return DeviceState(clock_share=reading.clock_share, p_state=reading.p_state)

    def close(self) -> None:
        """Let go of the library."""
        self._library.close()

    @property
    def _asked(self) -> str:
        return f"asked for dgpu:{self._index}"

    def _reading(self) -> GpuReading:
        return self._library.gpus()[self._index]
