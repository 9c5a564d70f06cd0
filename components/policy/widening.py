"""What to try while nothing is known to keep the target.

There is nothing to lose then: the job misses its target anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology
    from components.policy.belief import Belief

HOPELESS = 0.02
"""With no candidate this likely to be accepted, the target counts as out of reach."""
LEAST_PROBES = 12
"""But not before this many were tried: on some nodes more CPUs are slower."""
_DOUBT = 2.0
"""Sigmas below its forecast that a candidate's latency may lie, when all are unlikely."""
RESCUE = 0.8
"""After a load change, the cheapest candidate at least this likely to be accepted comes next."""


def widest_first(candidates: Sequence[Candidate], topology: Topology) -> tuple[int, ...]:
    """Positions of all CPUs, then of all physical cores where that is another candidate."""
    counts = [candidate.n_cpus for candidate in candidates]
    most = max(counts)
    wanted = [most] if topology.n_physical >= most else [most, topology.n_physical]
    return tuple(counts.index(n) for n in wanted if n in counts)


def choose_wider(
    belief: Belief,
    open_: NDArray[np.bool_],
    unmeasured: Sequence[int],
    *,
    warm: bool,
    n_probes: int,
) -> tuple[int, str] | None:
    """Choose what may keep the target, and say why; None when the target is out of reach.

    Args:
        belief: of the candidates of one search.
        open_: shape (C,), candidates that are not refused.
        unmeasured: which of the widest were not tried at this load.
        warm: whether the search began anew after a change of load.
        n_probes: windows spent so far.
    """
    chance = np.where(open_, belief.p_accepted[0], -1.0)
    if warm and (chance >= RESCUE).any():
        power = np.where(chance >= RESCUE, belief.forecast.power_log[0], np.inf)
        return int(power.argmin()), "the cheapest likely to keep the target"
    if chance.max() >= HOPELESS:
        return int(chance.argmax()), "the likeliest to keep the target"
    if unmeasured:
        return unmeasured[0], "widest before giving up"
    if n_probes < LEAST_PROBES:
        hoped = belief.slack[0] + _DOUBT * belief.forecast.latency_sigma[0]
        nearness = np.where(open_, hoped, -np.inf)
        return int(nearness.argmax()), "the least unlikely to keep the target"
    return None
