"""At which frequencies the CPUs of a node may run, as sysfs shows it; absent where absent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KHZ_PER_MHZ = 1000


class Knob(StrEnum):
    """What may be set, by the name of its file."""

    GOVERNOR = "scaling_governor"
    PREFERENCE = "energy_performance_preference"
    LEAST = "scaling_min_freq"
    MOST = "scaling_max_freq"


BOUNDS = (Knob.LEAST, Knob.MOST)
"""In kHz; the others are words."""
_WORDS: Mapping[Knob, str] = {
    Knob.GOVERNOR: "scaling_available_governors",
    Knob.PREFERENCE: "energy_performance_available_preferences",
}


@dataclass(frozen=True, slots=True)
class FrequencyWish:
    """What all CPUs of a node are to be set to; None: left as it is."""

    governor: str | None = None
    preference: str | None = None
    """Of the hardware: performance, balance_performance, balance_power, power."""
    least_mhz: int | None = None
    most_mhz: int | None = None

    @property
    def values(self) -> dict[Knob, str]:
        """What is to stand in each file."""
        found = {
            Knob.GOVERNOR: self.governor,
            Knob.PREFERENCE: self.preference,
            Knob.LEAST: _khz(self.least_mhz),
            Knob.MOST: _khz(self.most_mhz),
        }
        return {knob: text for knob, text in found.items() if text is not None}


def frequency_folders(sysfs: Path) -> tuple[Path, ...]:
    """The folders in which frequencies are set; CPUs that scale together share one."""
    found = sysfs.glob("devices/system/cpu/cpu[0-9]*/cpufreq")
    return tuple(sorted({folder.resolve() for folder in found}))


def read_knob(folder: Path, knob: Knob) -> str | None:
    """What is in force; None where the driver has no such file."""
    return _read(folder / knob)


def why_not(folder: Path, knob: Knob, text: str) -> str | None:
    """Why a value cannot be set in a folder, by what the kernel says; None when it can."""
    if read_knob(folder, knob) is None:
        return f"this frequency driver has no {knob}"
    if knob in BOUNDS:
        span = [_read(folder / file) or "" for file in ("cpuinfo_min_freq", "cpuinfo_max_freq")]
        low, high = (int(khz) if khz.isdigit() else None for khz in span)
        if low is None or high is None or low <= int(text) <= high:
            return None
        bounds = f"{low // KHZ_PER_MHZ} to {high // KHZ_PER_MHZ} MHz"
        return f"{int(text) // KHZ_PER_MHZ} MHz are outside {bounds}"
    known = (_read(folder / _WORDS[knob]) or "").split()
    return f"{text!r} is none of {', '.join(known)}" if known and text not in known else None


def _khz(mhz: int | None) -> str | None:
    return None if mhz is None else str(mhz * KHZ_PER_MHZ)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
