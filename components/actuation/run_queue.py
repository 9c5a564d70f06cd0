"""How long threads were ready to run but waited for a CPU: the sign of contention."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WAIT_FIELD = 1


class RunQueueWait:
    """Adds up the waits of changing threads so that the sum never falls when one ends."""

    def __init__(self) -> None:
        self._seen_ns: dict[int, int] = {}
        self._total_ns = 0

    def update(self, proc: Path, pids: Iterable[int]) -> float | None:
        """Read all threads of the processes.

        Returns:
            Seconds waited since the threads began, ended ones included from the first update on;
            None where the kernel shows none of it.
        """
        now_ns = dict(_waits_ns(proc, pids))
        if not now_ns:
            return None
        for thread, wait_ns in now_ns.items():
            before_ns = self._seen_ns.get(thread, 0)
            # a smaller count is another thread under the same number
            self._total_ns += wait_ns - before_ns if wait_ns >= before_ns else wait_ns
        self._seen_ns = now_ns
        return self._total_ns / 1e9


def _waits_ns(proc: Path, pids: Iterable[int]) -> Iterable[tuple[int, int]]:
    for pid in pids:
        for file in (proc / str(pid) / "task").glob("*/schedstat"):
            try:
                yield int(file.parent.name), int(file.read_text().split()[_WAIT_FIELD])
            except (OSError, IndexError):  # the thread has ended
                continue
