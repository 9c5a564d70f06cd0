"""Which sets a host may be asked for, and whether the kernel took one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from components.actuation.errors import ApplyError, RefusedError
from components.node.cpuset import format_cpu_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.node.cpuset import CpuSet

_SETTLE_S = 0.5
_POLL_S = 0.01


def checked_cpus(cpus: CpuSet, available: CpuSet, container_id: str) -> CpuSet:
    """Return the set when it may be asked for.

    Raises:
        RefusedError: it is empty, or holds a CPU that is not available.
    """
    if cpus and cpus <= available:
        return cpus
    found = "no set may be empty"
    if cpus:
        found = f"[{format_cpu_list(cpus - available)}] are not available"
    raise RefusedError(
        f"asked for CPUs [{format_cpu_list(cpus)}] for {container_id[:12]}",
        found,
        f"choose from [{format_cpu_list(available)}]",
    )


def read_back(effective: Callable[[], CpuSet], asked: CpuSet, container_id: str) -> CpuSet:
    """Read what is in force until it is what was asked for, for half a second at most.

    Raises:
        ApplyError: it stayed another set.
    """
    deadline = time.monotonic() + _SETTLE_S
    found = effective()
    while found != asked:
        if time.monotonic() > deadline:
            raise ApplyError(
                f"asked for CPUs [{format_cpu_list(asked)}] for {container_id[:12]}",
                f"the kernel uses [{format_cpu_list(found)}]",
                "see who else changes this container, and which CPUs are online",
            )
        time.sleep(_POLL_S)
        found = effective()
    return found
