"""What the joint planner is told of each job, and what it makes of that; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.planning.joint_shape import shapes_of, usable_cores
from components.planning.wish import Purpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.planning.joint import JointAsk
    from components.planning.joint_ledger import Window
    from components.planning.joint_shape import Shapes
    from components.planning.wish import Wish


_UNSEEN_USE = 0.5
"""Of the CPUs of a job whose window is not closed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSettings:
    """How careful and how restless a joint plan is."""

    sigmas: float = 2.0
    """Doubt that a candidate that is not in force has to bear."""
    headroom: float = 0.03
    """And by how much its latency has to lie below the target then."""
    kept_sigmas: float = 1.0
    kept_headroom: float = 0.01
    """The same for what is in force: less, so that jobs rest."""
    replan_s: float = 60.0
    """Time between two looks whether less power would do; a target at risk is looked at at once"""
    trial_s: float = 30.0
    """Least time between two probes that the plan asks for itself."""
    least_trial_share: float = 0.005
    """What such a probe has to promise, as a share of the node's power."""
    move_share: float = 0.01
    """What a job's move has to save, as a share of the node's power."""


@dataclass(frozen=True, slots=True)
class View:
    """One job that may be planned, as it is now."""

    wish: Wish
    target_ms: float
    candidate: Candidate | None
    """What is in force; None where it follows no layout of ours."""
    most_cpus: int
    barred: frozenset[Candidate] = frozenset()
    """Candidates that were taken back at this load, or that the guard refused of late."""
    least_chance: float = 0.45
    """Of keeping the target, for a probe that the plan asks for."""
    is_probing: bool = False
    """Whether what is in force is only being tried."""

    @property
    def job(self) -> str:
        """Name of the job."""
        return self.wish.job

    @property
    def has_probed(self) -> bool:
        """Whether what is being tried was tried long enough."""
        asks_on = self.wish.purpose is Purpose.PROBE and self.wish.candidate == self.candidate
        return self.is_probing and not asks_on


def asking_of(views: Sequence[View], prober: str | None) -> list[View]:
    """Who may probe: who does, as long as it asks; then by priority; nobody before all are placed.

    A search that wants to confirm does not hold up the others: its windows come by themselves.
    """
    if not all(view.wish.is_placed for view in views):
        return []
    asking = [view for view in views if view.wish.purpose is Purpose.PROBE]
    return sorted(asking, key=lambda v: (v.job != prober, -v.wish.priority, v.job))


def equal_parts(ask: JointAsk) -> JointAsk:
    """The same, where every job has the option of as many CPUs only."""
    cores = usable_cores(ask.topology, ask.barred | ask.others)
    n_threads = max((len(core.cpus) for core in cores), default=0)
    whole = sum(len(core.cpus) == n_threads for core in cores)
    part = max(whole // len(ask.tenants), 1)
    tenants = []
    for tenant in ask.tenants:
        shapes = shapes_of(ask.topology, [o.candidate for o in tenant.options])
        fits = [o for o, n in zip(tenant.options, shapes.cores, strict=True) if n <= part]
        widest = max(fits or tenant.options, key=lambda o: (o.candidate.n_cpus, o.candidate))
        tenants.append(replace(tenant, options=(widest,)))
    return replace(ask, tenants=tuple(tenants))


def worth_asking(
    judged_ms: NDArray[np.float64],
    own_w: NDArray[np.float64],
    shapes: Shapes,
    may: NDArray[np.bool_],
    target_ms: float,
    kept: int | None,
) -> NDArray[np.intp]:
    """For each number of cores the least power that keeps the target, else the fastest.

    What is in force always is among them.
    """
    meets = may & (judged_ms <= target_ms)
    order = np.lexsort((np.where(meets, own_w, judged_ms), ~meets, shapes.cores))
    order = order[may[order]]
    _, first = np.unique(shapes.cores[order], return_index=True)
    rows = order[first]
    if kept is not None and kept not in rows:
        rows = np.append(rows, kept)
    return np.asarray(rows, dtype=np.intp)


def use_of(window: Window | None, cpus: CpuSet) -> float:
    """How busy a job kept each of its CPUs, in [0, 1]."""
    if window is None or not cpus:
        return _UNSEEN_USE
    return min(window.busy_cpus / len(cpus), 1.0)
