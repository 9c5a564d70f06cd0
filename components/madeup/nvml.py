"""Made-up NVIDIA processors behind the functions of their management library."""

from __future__ import annotations

from dataclasses import dataclass


class NVMLError(Exception):
    """What the library raises."""


class NVMLError_NotSupported(NVMLError):  # noqa: N801, N818 - the library's name
    """The processor does not know this."""


class NVMLError_GpuIsLost(NVMLError):  # noqa: N801, N818 - the library's name
    """The processor fell off the bus."""


@dataclass(slots=True)
class MadeUpGpu:
    """One processor; None is "not supported"."""

    energy_mj: int | None = 1_000
    power_mw: int | None = 60_000
    sm_clock_mhz: int | None = 345
    max_sm_clock_mhz: int | None = 1980
    p_state: int | None = 8
    is_lost: bool = False


class MadeUpNvml:
    """Answers like the library; named so that one stands for the other."""

    NVML_CLOCK_SM = 1
    NVMLError = NVMLError
    NVMLError_NotSupported = NVMLError_NotSupported
    NVMLError_GpuIsLost = NVMLError_GpuIsLost

    def __init__(self, *gpus: MadeUpGpu, has_driver: bool = True) -> None:
        self.gpus = gpus
        self._has_driver = has_driver

    def nvmlInit(self) -> None:  # noqa: N802 - the library's name
        """Open it."""
        if not self._has_driver:
            raise NVMLError("Driver Not Loaded")

    def nvmlShutdown(self) -> None:  # noqa: N802 - the library's name
        """Close it."""

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - the library's name
        """How many there are."""
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> MadeUpGpu:  # noqa: N802
        """One of them."""
        return self.gpus[index]

    def nvmlDeviceGetName(self, gpu: MadeUpGpu) -> str:  # noqa: N802
        """Name of the product."""
        return f"Made-up GPU {self.gpus.index(gpu)}"

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: MadeUpGpu) -> int:  # noqa: N802
        """Millijoules since the driver was loaded."""
        return _told(gpu, gpu.energy_mj)

    def nvmlDeviceGetPowerUsage(self, gpu: MadeUpGpu) -> int:  # noqa: N802
        """Milliwatts now."""
        return _told(gpu, gpu.power_mw)

    def nvmlDeviceGetPerformanceState(self, gpu: MadeUpGpu) -> int:  # noqa: N802
        """0 (fastest) to 15."""
        return _told(gpu, gpu.p_state)

    def nvmlDeviceGetClockInfo(self, gpu: MadeUpGpu, clock: int) -> int:  # noqa: ARG002, N802
        """MHz now."""
        return _told(gpu, gpu.sm_clock_mhz)

    def nvmlDeviceGetMaxClockInfo(self, gpu: MadeUpGpu, clock: int) -> int:  # noqa: ARG002, N802
        """MHz at most."""
        return _told(gpu, gpu.max_sm_clock_mhz)


def _told(gpu: MadeUpGpu, value: int | None) -> int:
    if gpu.is_lost:
        raise NVMLError_GpuIsLost("GPU is lost")
    if value is None:
        raise NVMLError_NotSupported("Not Supported")
    return value
