"""Which joint allocations a sweep tries."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, TypeVar

from components.jobs.candidate import Allocation, Candidate
from components.node.placement import Layout, distinct_layouts
from components.planning.plan import choose_cpus
from components.planning.reserve import is_shared, usable_cpus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.node.cpuset import CpuSet
    from components.node.topology import Topology

Item = TypeVar("Item")
Point = dict[str, Allocation]
MAX_JOINT = 100_000
"""Above so many joint counts, the counts of each job are thinned first."""


def sweep_points(
    topology: Topology,
    jobs: Mapping[str, tuple[int, int]],
    *,
    n_points: int | None = None,
    layout: Layout | None = None,
) -> tuple[Point, ...]:
    """Lay out the points of a sweep, widest first.

    One job gets every count in every layout that makes a difference (or in one layout only);
    several get every joint choice of counts, in the compact layout, that fits the node: on a node
    that is shared all of them, else those that do not overlap. With `n_points` they are thinned
    evenly, ends kept.

    Args:
        topology: the node.
        jobs: least and most CPUs of each job.
        n_points: at most so many; None: all.
        layout: only this one; None: all for one job, compact for several.
    """
    if len(jobs) == 1:
        ((name, bounds),) = jobs.items()
        singles = [{name: c} for c in _candidates(topology, bounds, layout)]
        chosen = thin(singles, n_points)
    else:
        chosen = thin(_joint(topology, jobs, layout or Layout.COMPACT), n_points)
    points = (_place(topology, candidates) for candidates in chosen)
    return tuple(point for point in points if point is not None)


def thin(items: Sequence[Item], n: int | None) -> list[Item]:
    """Take n of the items, evenly, the first and the last kept."""
    if n is None or n >= len(items):
        return list(items)
    if n == 1:
        return [items[0]]
    return [items[round(i * (len(items) - 1) / (n - 1))] for i in range(n)]


def _candidates(
    topology: Topology, bounds: tuple[int, int], layout: Layout | None
) -> list[Candidate]:
    least, most = bounds
    return [
        Candidate(n, one)
        for n in range(min(most, len(usable_cpus(topology))), least - 1, -1)
        for one in distinct_layouts(topology, n)
        if layout is None or one is layout or (n == topology.n_logical)
    ]


def _joint(
    topology: Topology, jobs: Mapping[str, tuple[int, int]], layout: Layout
) -> list[dict[str, Candidate]]:
    usable = len(usable_cpus(topology))
    per_job = int(MAX_JOINT ** (1 / max(len(jobs), 1)))
    counts = [
        thin(range(min(most, usable), least - 1, -1), per_job) for least, most in jobs.values()
    ]
    return [
        {name: Candidate(n, layout) for name, n in zip(jobs, chosen, strict=True)}
        for chosen in product(*counts)
        if is_shared(topology) or sum(chosen) <= usable
    ]


def _place(topology: Topology, candidates: Mapping[str, Candidate]) -> Point | None:
    """Make a joint choice real; the wider jobs first, so that the narrower find what is left."""
    placed: dict[str, CpuSet] = {}
    for name in sorted(candidates, key=lambda job: (-candidates[job].n_cpus, job)):
        cpus = choose_cpus(topology, candidates[name], frozenset(), placed)
        if cpus is None:
            return None
        placed[name] = cpus
    return {name: Allocation(candidates[name], cpus) for name, cpus in placed.items()}
