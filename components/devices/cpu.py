"""What all devices that compute on the CPU have in common: its state and its power."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from components.devices.device import DeviceState
from components.telemetry.power_model import ModelledPower, vcpu_power

if TYPE_CHECKING:
    from collections.abc import Callable

PROC = Path("/proc")
SYSFS = Path("/sys")


class OwnCpuTimes:
    """CPU times as if this process alone used the node; a CpuTimes.

    What the process used is spread evenly over all CPUs: a power model that is linear in the mean
    use does not mind, and neighbours are left out.
    """

    def __init__(self, n_logical: int, process_s: Callable[[], float] = time.process_time) -> None:
        self._n_logical = n_logical
        self._process_s = process_s

    def busy_s(self) -> dict[int, float]:
        """CPU seconds of this process since its start, an equal share for each CPU."""
        share_s = self._process_s() / self._n_logical
        return dict.fromkeys(range(self._n_logical), share_s)


def own_power(proc: Path = PROC) -> ModelledPower:
    """The node's power as if this process alone used it, modelled from its CPU time."""
    n_logical = os.cpu_count() or 1
    figures = vcpu_power(cpu_model(proc))
    return ModelledPower(
        OwnCpuTimes(n_logical),
        n_logical=n_logical,
        idle_w=figures.idle_w,
        full_w=figures.full_w,
    )


def cpu_model(proc: Path = PROC) -> str:
    """The CPU's name; empty where the kernel does not tell."""
    try:
        lines = (proc / "cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "")


def cpu_state(proc: Path = PROC, sysfs: Path = SYSFS) -> DeviceState:
    """Clock of the CPU where cpufreq shows it, and tasks running beside us for each CPU."""
    cpufreq = sysfs / "devices/system/cpu/cpu0/cpufreq"
    now_khz, most_khz = (
        _number(cpufreq / name) for name in ("scaling_cur_freq", "cpuinfo_max_freq")
    )
    is_known = now_khz is not None and most_khz
    return DeviceState(
        clock_share=min(now_khz / most_khz, 1.0) if is_known and now_khz and most_khz else None,
        load=_load(proc),
    )


def _load(proc: Path) -> float | None:
    """Runnable tasks but the one that asks, for each CPU it may use."""
    try:
        running = int((proc / "loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return None
    return max(running - 1, 0) / len(os.sched_getaffinity(0))


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None
