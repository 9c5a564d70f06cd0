"""What a process holds of its machine: memory, descriptors, threads."""

from __future__ import annotations

import gc
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from components.policy.onnx_runtime import give_back_memory

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Traces:
    """What this process held after so many ticks."""

    n_ticks: int
    rss_mib: float
    n_descriptors: int
    n_threads: int
    n_objects: int
    """Containers that Python's collector knows, after a collection."""
    cpu_s: float
    """CPU time of the process so far."""


def read_traces(n_ticks: int) -> Traces:
    """Look at this process now, when what is garbage is gone.

    The allocator gives back first what it keeps free: that comes and goes by megabytes.
    """
    gc.collect()
    give_back_memory()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Traces(
        n_ticks,
        pages * os.sysconf("SC_PAGE_SIZE") / _MIB,
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        len(gc.get_objects()),
        time.process_time(),
    )
