"""How long threads were ready to run but waited for a CPU: the sign of contention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.actuation.kernel_file import read_kernel_file
from components.actuation.threads import thread_ids

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WAIT_FIELD = 1
_SLICES_FIELD = 2


class RunQueueWait:
    """Adds up the waits of changing threads so that the sum never falls when one ends."""

    def __init__(self, *, wake_s: float = 0.0) -> None:
        """Count of each wait what is longer than `wake_s`, on the mean of a thread's waits.

        A thread that is woken waits some microseconds of itself, more on a virtual machine.
        """
        self._seen: dict[int, tuple[int, int]] = {}
        self._total_ns = 0.0
        self._wake_ns = wake_s * 1e9

    def update(self, proc: Path, pids: Iterable[int]) -> float | None:
        """Read all threads of the processes.

        Returns:
            Seconds waited since the threads began, ended ones included from the first update on;
            None where the kernel shows none of it.
        """
        now = dict(_waits(proc, pids))
        if not now:
            return None
        for thread, (wait_ns, slices) in now.items():
            before_ns, before = self._seen.get(thread, (0, 0))
            if wait_ns < before_ns:  # another thread under the same number
                before_ns, before = 0, 0
            own_ns = self._wake_ns * (slices - before)
            self._total_ns += max(wait_ns - before_ns - own_ns, 0.0)
        self._seen = now
        return self._total_ns / 1e9


def _waits(proc: Path, pids: Iterable[int]) -> Iterable[tuple[int, tuple[int, int]]]:
    """By thread: nanoseconds it waited, and how often it got a CPU."""
    for pid in pids:
        for thread in thread_ids(proc, pid):
            fields = (read_kernel_file(f"{proc}/{pid}/task/{thread}/schedstat") or "").split()
            if len(fields) > _SLICES_FIELD:  # else the thread has ended
                yield thread, (int(fields[_WAIT_FIELD]), int(fields[_SLICES_FIELD]))
