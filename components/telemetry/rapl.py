"""Energy counters of processors and memory: RAPL, as the kernel's powercap tree shows it.

`intel-rapl:0/{name,energy_uj,max_energy_range_uj}`, with the same names on Intel and AMD. A package
includes its cores and uncore, which are therefore never added to it; memory (`dram`) is apart on
servers; `psys` is the whole platform and is never added to anything. `intel-rapl-mmio` repeats the
packages by another road and is left out. Counters wrap: 65.7 kJ, which one AMD socket spends in
about four minutes, so whoever reads this has to come by at least once a minute.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.sample import PowerSource

if TYPE_CHECKING:
    from collections.abc import Callable

POWERCAP = Path("/sys/class/powercap")
MAX_ZONE_W = 1000.0
"""More than any socket, memory of a socket, or small platform draws; faster growth is a reset."""
FROZEN_S = 2.0
"""The hardware counts every millisecond; one that stands still for so long does not count."""

_TOP = re.compile(r"intel-rapl:[0-9]+")
_BELOW = re.compile(r"intel-rapl:[0-9]+:[0-9]+")


@dataclass(frozen=True, slots=True)
class Zone:
    """One counter that is read."""

    folder: Path
    name: str
    range_j: float
    """Where it wraps."""


@dataclass(frozen=True, slots=True)
class _Read:
    at_s: float
    joules: float
    changed_at_s: float


class RaplPower:
    """Adds up packages and memory, or reads the platform alone; a PowerMeter.

    Only what is in the tree is measured: fans, disks and power supplies are not, except by `psys`.
    """

    def __init__(
        self,
        powercap: Path = POWERCAP,
        *,
        platform: bool = False,
        monotonic_s: Callable[[], float] = time.monotonic,
        read: Callable[[Path], str] = Path.read_text,
    ) -> None:
        """Find and try the counters; `platform` asks for `psys` instead of packages and memory.

        Raises:
            MeterError: there is none, it may not be read, or it says zero.
        """
        self._read_text = read
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._asked = f"asked for {'the platform' if platform else 'packages'} in {powercap}"
        zones = self._find(powercap, platform=platform)
        self._last = {zone: self._first(zone) for zone in zones}
        self._drop_silent_memory()
        self._energy_j = 0.0

    @property
    def source(self) -> PowerSource:
        """A counter."""
        return PowerSource.MEASURED

    @property
    def idle_w(self) -> None:
        """Not known to a counter."""
        return

    @property
    def zones(self) -> tuple[str, ...]:
        """Names of the counters that are added up."""
        return tuple(zone.name for zone in self._last)

    def energy_j(self) -> float:
        """Joules of all zones since the meter was made.

        Raises:
            ReadingError: a counter could not be read, was reset, or may have wrapped more than once
                since the last read; counting starts anew from here.
            MeterError: a counter stands still, or may not be read any more.
        """
        with self._lock:
            reads = {zone: self._next(zone, last) for zone, last in self._last.items()}
            grown = {zone: self._growth_j(zone, reads[zone]) for zone in reads}
            self._last = reads
            lost = [why for why in grown.values() if isinstance(why, str)]
            if lost:
                raise ReadingError(
                    self._asked, "; ".join(lost), "nothing: it is counted anew from here"
                )
            self._energy_j += sum(joules for joules in grown.values() if isinstance(joules, float))
            return self._energy_j

    def _growth_j(self, zone: Zone, now: _Read) -> float | str:
        """Joules since the last read, over a wrap at most; a sentence where that cannot be said."""
        last = self._last[zone]
        elapsed_s = now.at_s - last.at_s
        if elapsed_s * MAX_ZONE_W > zone.range_j:
            return f"{zone.name} was not read for {elapsed_s:.0f} s and may have wrapped twice"
        joules = wrapped_difference(last.joules, now.joules, zone.range_j)
        if joules > MAX_ZONE_W * max(elapsed_s, 0.05):
            return f"{zone.name} went from {last.joules:.1f} J to {now.joules:.1f} J: it was reset"
        return joules

    def _next(self, zone: Zone, last: _Read) -> _Read:
        at_s, joules = self._monotonic_s(), self._joules(zone)
        if joules != last.joules:
            return _Read(at_s, joules, at_s)
        if at_s - last.changed_at_s >= FROZEN_S:
            raise MeterError(
                self._asked,
                f"{zone.name} stands still at {joules:.3f} J for {at_s - last.changed_at_s:.1f} s",
                "see whether this is a virtual machine; name another meter with --power",
            )
        return _Read(at_s, joules, last.changed_at_s)

    def _first(self, zone: Zone) -> _Read:
        at_s = self._monotonic_s()
        return _Read(at_s, self._joules(zone), at_s)

    def _drop_silent_memory(self) -> None:
        """Leave out memory counters that say 0, as on machines without one; refuse packages."""
        silent = [zone for zone, read in self._last.items() if read.joules == 0]
        for zone in silent:
            if zone.name != "dram":
                raise MeterError(
                    self._asked,
                    f"{zone.name} says 0 J, as where the counter is not passed on",
                    "name another meter with --power",
                )
            del self._last[zone]

    def _find(self, powercap: Path, *, platform: bool) -> tuple[Zone, ...]:
        folders = sorted(powercap.glob("intel-rapl:*")) if powercap.is_dir() else []
        tops = [(f, self._text(f / "name")) for f in folders if _TOP.fullmatch(f.name)]
        below = [(f, self._text(f / "name")) for f in folders if _BELOW.fullmatch(f.name)]
        if platform:
            wanted = [(f, name) for f, name in (*tops, *below) if name == "psys"]
        else:
            wanted = [(f, name) for f, name in tops if name.startswith("package")]
            if wanted:
                wanted += [(f, name) for f, name in (*tops, *below) if name == "dram"]
        if not wanted:
            names = ", ".join(name for _, name in (*tops, *below)) or "nothing"
            raise MeterError(
                self._asked,
                f"there is {names}",
                "load the module intel_rapl_msr; virtual machines and containers have no counters",
            )
        return tuple(
            Zone(folder, name, self._micro(folder / "max_energy_range_uj"))
            for folder, name in wanted
        )

    def _joules(self, zone: Zone) -> float:
        return self._micro(zone.folder / "energy_uj")

    def _micro(self, path: Path) -> float:
        text = self._text(path)
        try:
            value = int(text)
        except ValueError as error:
            raise MeterError(
                self._asked, f"{path} says {text!r}", "see the kernel's log for powercap"
            ) from error
        return value / 1e6

    def _text(self, path: Path) -> str:
        try:
            return self._read_text(path).strip()
        except PermissionError as error:
            raise MeterError(
                self._asked,
                f"{path} may be read by root only",
                f"run as root, or: chgrp GROUP {path} && chmod g+r {path} at every boot",
            ) from error
        except FileNotFoundError as error:
            raise MeterError(
                self._asked, f"{path} is not there", "load the module intel_rapl_msr"
            ) from error
        except OSError as error:
            raise ReadingError(
                self._asked, f"{path} cannot be read: {error}", "it is tried again"
            ) from error


def wrapped_difference(before: float, after: float, wraps_at: float) -> float:
    """How far a counter grew that starts anew at 0 once it passes `wraps_at`; one wrap at most."""
    return after - before if after >= before else after + wraps_at - before
