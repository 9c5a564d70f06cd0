"""How many cores each job gets: the choice of options by dynamic programming over cores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout
from components.planning.joint_shape import shapes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from components.planning.joint import JointAsk, Option, Tenant

NEARLY = 1.02
"""A job that cannot keep its target gets what comes this near to the least latency it could have,
not the very last core."""


def choose_options(
    ask: JointAsk, n_cores: int, stretch: Mapping[str, float]
) -> dict[str, Option] | None:
    """Choose an option for every tenant so that all fit into some cores at least power.

    Exact for the sum of the jobs' own power, what moves cost, and the groups and sockets that so
    many cores need at least. Where the targets cannot all be kept, jobs come in their order
    (`in_order`): each gets the fewest cores that keep its target, as long as every later one is
    left a core.

    Args:
        ask: the jobs.
        n_cores: what there is.
        stretch: factor on a job's latencies by what its neighbours do to it.

    Returns:
        None where there are more jobs than cores.
    """
    if len(ask.tenants) > n_cores:
        return None
    allowed = {t.job: allowed_options(t, stretch.get(t.job, 1.0)) for t in ask.tenants}
    sized = {t.job: _by_cores(ask, t, allowed[t.job]) for t in ask.tenants}
    if sum(min(options) for options in sized.values()) > n_cores:
        sized = _by_priority(ask, n_cores, stretch)
    return _cheapest(ask, sized, n_cores)


def in_order(tenants: Sequence[Tenant]) -> list[Tenant]:
    """Who comes first where there is not enough: priority, then name."""
    return sorted(tenants, key=lambda t: (-t.priority, t.job))


def allowed_options(tenant: Tenant, stretch: float) -> tuple[Option, ...]:
    """Options that keep the target; where there are none, those nearly as fast as can be."""
    meeting = tuple(o for o in tenant.options if o.latency_ms * stretch <= tenant.target_ms)
    if meeting:
        return meeting
    limit = NEARLY * min(o.latency_ms for o in tenant.options)
    return tuple(o for o in tenant.options if o.latency_ms <= limit)


def _by_cores(
    ask: JointAsk, tenant: Tenant, options: Sequence[Option]
) -> dict[int, tuple[float, Option]]:
    """The cheapest option for each number of cores, with its cost."""
    shapes = shapes_of(ask.topology, [o.candidate for o in options])
    tight_w = _awake_w(ask, shapes.cores).tolist()
    spread_w = (ask.power.l3_w * shapes.groups + ask.power.socket_w * shapes.sockets).tolist()
    best: dict[int, tuple[float, Option]] = {}
    for row, (option, cores) in enumerate(zip(options, shapes.cores.tolist(), strict=True)):
        cost = option.power_w + (ask.move_w if option.candidate != tenant.candidate else 0.0)
        if option.candidate.layout is Layout.SPREAD:
            cost += max(spread_w[row] - tight_w[row], 0.0)
        known = best.get(cores)
        if known is None or (cost, option.candidate) < (known[0], known[1].candidate):
            best[cores] = (cost, option)
    return best


def _by_priority(
    ask: JointAsk, n_cores: int, stretch: Mapping[str, float]
) -> dict[str, dict[int, tuple[float, Option]]]:
    left = n_cores
    chosen: dict[str, dict[int, tuple[float, Option]]] = {}
    order = in_order(ask.tenants)
    for position, tenant in enumerate(order):
        most = left - (len(order) - position - 1)
        meeting = _by_cores(ask, tenant, allowed_options(tenant, stretch.get(tenant.job, 1.0)))
        cores = min(meeting)
        if cores > most:
            every = _by_cores(ask, tenant, _fastest_first(tenant))
            fitting = {n: pair for n, pair in every.items() if n <= most} or every
            least = min(pair[1].latency_ms for pair in fitting.values())
            cores = min(n for n, pair in fitting.items() if pair[1].latency_ms <= NEARLY * least)
            meeting = fitting
        chosen[tenant.job] = {cores: meeting[cores]}
        left -= cores
    return chosen


def _fastest_first(tenant: Tenant) -> tuple[Option, ...]:
    """Of options with as many cores the fastest counts: power is no matter while short."""
    return tuple(
        type(option)(option.candidate, option.latency_ms, option.latency_ms)
        for option in tenant.options
    )


def _cheapest(
    ask: JointAsk, sized: Mapping[str, Mapping[int, tuple[float, Option]]], n_cores: int
) -> dict[str, Option] | None:
    """The choice of least cost; shape of the table: (tenants + 1, cores + 1)."""
    cost = np.full(n_cores + 1, np.inf)
    cost[0] = 0.0
    picks: list[NDArray[np.intp]] = []
    for tenant in ask.tenants:
        after = np.full(n_cores + 1, np.inf)
        pick = np.zeros(n_cores + 1, dtype=np.intp)
        for cores, (own, _) in sized[tenant.job].items():
            if cores > n_cores:
                continue
            reached = cost[: n_cores + 1 - cores] + own
            better = reached < after[cores:]
            after[cores:][better] = reached[better]
            pick[cores:][better] = cores
        cost = after
        picks.append(pick)
    total = cost + _awake_w(ask, np.arange(n_cores + 1))
    at = int(np.argmin(total))
    if not math.isfinite(total[at]):
        return None
    chosen = {}
    for tenant, pick in zip(reversed(ask.tenants), reversed(picks), strict=True):
        cores = int(pick[at])
        chosen[tenant.job] = sized[tenant.job][cores][1]
        at -= cores
    return chosen


def _awake_w(ask: JointAsk, cores: NDArray[np.intp]) -> NDArray[np.float64]:
    """Power of the fewest L3 groups and sockets that so many cores lie in."""
    topology = ask.topology
    per_group = max(topology.n_physical // topology.n_l3_groups, 1)
    per_socket = max(topology.n_physical // topology.n_sockets, 1)
    groups, sockets = -(-cores // per_group), -(-cores // per_socket)
    return np.asarray(ask.power.l3_w * groups + ask.power.socket_w * sockets, dtype=np.float64)
