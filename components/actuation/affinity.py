"""The CPUs that all threads of a process may use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from components.actuation.errors import ContainerGoneError, RefusedError
from components.actuation.threads import thread_ids

if TYPE_CHECKING:
    from pathlib import Path

    from components.node.cpuset import CpuSet

_PASSES = 50


def set_affinity(proc: Path, pid: int, cpus: CpuSet) -> None:
    """Give every thread the same CPUs, looking again until no new thread shows up.

    A thread started meanwhile by one that was not reached yet has the old CPUs: hence the passes.

    Raises:
        RefusedError: the process belongs to someone else, or the kernel takes no such set.
    """
    reached: set[int] = set()
    for _ in range(_PASSES):
        new = {thread for thread in thread_ids(proc, pid) if thread not in reached}
        if not new:
            return
        for thread in new:
            _set_thread(thread, cpus)
        reached |= new


def get_affinity(proc: Path, pid: int) -> CpuSet:
    """The CPUs that at least one of its threads may use.

    Raises:
        ContainerGoneError: no thread of it is left.
    """
    sets = [cpus for thread in thread_ids(proc, pid) if (cpus := _thread_cpus(thread))]
    if not sets:
        raise ContainerGoneError(
            f"asked for the CPUs of process {pid}", "it is not there", "nothing: it has ended"
        )
    return frozenset[int]().union(*sets)


def has_affinity(proc: Path, pid: int, cpus: CpuSet) -> bool:
    """Whether every thread has exactly these CPUs."""
    return all(_thread_cpus(thread) in {cpus, frozenset()} for thread in thread_ids(proc, pid))


def _set_thread(thread: int, cpus: CpuSet) -> None:
    try:
        os.sched_setaffinity(thread, cpus)
    except ProcessLookupError:
        return
    except OSError as error:
        raise RefusedError(
            f"asked to move thread {thread}",
            f"the kernel refuses: {error}",
            "run as root or as the owner of the process",
        ) from error


def _thread_cpus(thread: int) -> CpuSet:
    try:
        return frozenset(os.sched_getaffinity(thread))
    except ProcessLookupError:
        return frozenset()
