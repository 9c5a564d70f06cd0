"""How long each logical CPU was busy, from the kernel's `stat` file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from components.telemetry.errors import ReadingError

if TYPE_CHECKING:
    from collections.abc import Mapping

PROC = Path("/proc")
_COUNTING_ERROR_S = 0.05
"""The kernel counts in ticks (10 ms mostly) and CPUs are not read in one instant."""
_BUSY = (0, 1, 2, 5, 6, 7)
"""Columns user, nice, system, irq, softirq, steal. Guest time is within user already; iowait is
idle time and may even fall."""


class ProcStat:
    """Reads `/proc/stat`, or that of a made-up node; a CpuTimes."""

    def __init__(self, proc: Path = PROC) -> None:
        self._path = proc / "stat"
        self._tick_s = 1 / os.sysconf("SC_CLK_TCK")

    def busy_s(self) -> dict[int, float]:
        """Read busy seconds per logical CPU that is online, since boot.

        Raises:
            ReadingError: the file cannot be read or is not in the kernel's format.
        """
        try:
            rows = [line.split() for line in self._path.read_text().splitlines()]
            busy = {
                int(row[0][3:]): sum(int(row[1 + i]) for i in _BUSY) * self._tick_s
                for row in rows
                if row and row[0].startswith("cpu") and row[0] != "cpu"
            }
        except (OSError, ValueError, IndexError) as error:
            raise self._unreadable(repr(error)) from error
        if not busy:
            raise self._unreadable("it lists no CPU")
        return busy

    def _unreadable(self, found: str) -> ReadingError:
        return ReadingError(f"asked for CPU times in {self._path}", found, "check the proc root")


def cpu_utilization(
    before: Mapping[int, float], after: Mapping[int, float], elapsed_s: float
) -> dict[int, float]:
    """Share of `elapsed_s` each logical CPU was busy, in [0, 1], ascending by id.

    CPUs that went off or came on in between are left out.

    Raises:
        ReadingError: a counter fell or rose faster than time by more than it can miscount.
    """
    if elapsed_s <= 0:
        raise _implausible(f"{elapsed_s} s passed")
    utilization = {}
    for cpu in sorted(before.keys() & after.keys()):
        busy_s = after[cpu] - before[cpu]
        if not -_COUNTING_ERROR_S <= busy_s <= elapsed_s * 1.05 + _COUNTING_ERROR_S:
            raise _implausible(f"CPU {cpu} was busy for {busy_s:.3f} of {elapsed_s:.3f} s")
        utilization[cpu] = min(max(busy_s / elapsed_s, 0.0), 1.0)
    return utilization


def _implausible(found: str) -> ReadingError:
    return ReadingError("asked for the utilization of the CPUs", found, "read again later")
