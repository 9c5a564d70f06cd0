"""In which order the moves of a joint plan are made, so that no CPU has two jobs meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.node.cpuset import CpuSet
    from components.planning.wish import Planned


def order_moves(changes: Sequence[Planned], held: Mapping[str, CpuSet]) -> tuple[Planned, ...]:
    """Order moves: first those into CPUs that nobody holds, widenings before narrowings.

    A move that waits for CPUs another one frees comes after it. Where moves wait for each other
    in a circle, the narrowest goes first: for as long as a write takes, two jobs share.

    Args:
        changes: one a job at most, apart from each other in the end.
        held: the CPUs in force of every job that was placed.
    """
    now = dict(held)
    waiting = sorted(changes, key=lambda c: (_narrows(c, held), c.job))
    ordered = []
    while waiting:
        free = [c for c in waiting if not _is_held(c, now)]
        chosen = free[0] if free else min(waiting, key=lambda c: len(c.allocation.cpus))
        waiting.remove(chosen)
        now[chosen.job] = chosen.allocation.cpus
        ordered.append(chosen)
    return tuple(ordered)


def _narrows(change: Planned, held: Mapping[str, CpuSet]) -> bool:
    return len(change.allocation.cpus) <= len(held.get(change.job, ()))


def _is_held(change: Planned, now: Mapping[str, CpuSet]) -> bool:
    return any(job != change.job and cpus & change.allocation.cpus for job, cpus in now.items())
