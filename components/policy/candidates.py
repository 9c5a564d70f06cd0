"""Everything a job could be given on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Candidate
from components.node.placement import Layout, preference
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.node.topology import Topology

MAX_COUNTS = 128
"""Most numbers of CPUs that are told apart on one node."""


def candidates_of(
    topology: Topology, min_cpus: int = 1, max_cpus: int | None = None
) -> tuple[Candidate, ...]:
    """List numbers of CPUs with every layout that makes a difference, ascending.

    Up to 128 numbers all are listed. Above, 1 to 64 are kept, and from there to the largest a
    geometric series rounded to multiples of 4, so that neighbours differ by about the same share;
    the largest and the number of physical cores always stay.

    Raises:
        PolicyError: the limits leave nothing on this node.
    """
    most = min(max_cpus or topology.n_logical, topology.n_logical)
    if not 1 <= min_cpus <= most:
        raise PolicyError(
            f"asked for {min_cpus} to {max_cpus} CPUs",
            f"this node has {topology.n_logical}",
            "give 1 ≤ min-cpus ≤ max-cpus, and no more than the node has",
        )
    distinct = _distinct(topology)
    return tuple(
        Candidate(n_cpus, layout)
        for n_cpus in _counts(min_cpus, most, topology.n_physical)
        for layout in Layout
        if distinct[layout][n_cpus - 1]
    )


def _distinct(topology: Topology) -> dict[Layout, NDArray[np.bool_]]:
    """Whether the first 1, 2, … CPUs of a layout are others than those of the layouts before it.

    As `distinct_layouts`, for all numbers at once: the first n of two orders are the same set when
    none of them comes later than n in the other order.
    """
    position = {cpu.id: at for at, cpu in enumerate(topology.cpus)}
    orders = {
        layout: np.asarray([position[cpu] for cpu in preference(topology, layout)])
        for layout in Layout
    }
    n = np.arange(topology.n_logical)
    distinct: dict[Layout, NDArray[np.bool_]] = {}
    for layout, order in orders.items():
        fresh = np.ones(topology.n_logical, dtype=np.bool_)
        for earlier in distinct:
            fresh &= np.maximum.accumulate(np.argsort(orders[earlier])[order]) > n
        distinct[layout] = fresh
    return distinct


def _counts(least: int, most: int, n_physical: int) -> list[int]:
    if most - least < MAX_COUNTS:
        return list(range(least, most + 1))
    dense = range(least, least + MAX_COUNTS // 2)
    series = np.geomspace(dense[-1] + 4, most, MAX_COUNTS // 2 - 2)
    thinned = {4 * round(float(n) / 4.0) for n in series}
    return sorted({n for n in {*dense, *thinned, n_physical, most} if least <= n <= most})
