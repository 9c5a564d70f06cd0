"""A sweep in progress: allocations tried on purpose, each for some windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.executor.errors import CommandError
from components.jobs.job import Mode
from components.planning.reserve import usable_cpus
from components.planning.sweep_points import sweep_points
from components.telemetry.heartbeat import SweepStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.executor.job_run import JobRun
    from components.executor.sampling import InForce
    from components.jobs.candidate import Allocation
    from components.node.placement import Layout
    from components.node.topology import Topology
    from components.planning.sweep_points import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrder:
    """What someone asked for, on the node or by an entry of the release log.

    A sweep is a person's wish: it moves jobs in `recommend` too, for as long as it lasts. Only
    jobs in mode `off` are never touched.
    """

    sequence: int = 0
    """Of the entry; 0 when asked for on the node."""
    jobs: tuple[str, ...] = ()
    """Empty: every job that is not `off`."""
    n_windows: int = 2
    n_points: int | None = None
    layout: Layout | None = None
    window_s: float | None = None
    """None: the executor's own."""


@dataclass(slots=True)
class Sweep:
    """Where a sweep is."""

    order: SweepOrder
    points: tuple[Point, ...]
    before: dict[str, InForce]
    """What was in force, to be put back."""
    at: int = 0
    n_closed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.n_closed = dict.fromkeys(self.before, 0)

    @property
    def point(self) -> Point:
        """The allocations to have in force now."""
        return self.points[self.at]

    @property
    def is_over(self) -> bool:
        """Whether all points are done."""
        return self.at >= len(self.points)

    def note(self, job: str) -> None:
        """Count a closed window; when every job has enough, the next point is due."""
        if job in self.n_closed:
            self.n_closed[job] += 1
        if min(self.n_closed.values()) >= self.order.n_windows:
            self.at += 1
            self.n_closed = dict.fromkeys(self.before, 0)

    def allocation_of(self, job: str) -> Allocation | None:
        """What a job shall have now; None where it takes no part."""
        return None if self.is_over else self.point.get(job)

    def status(self, state: str = "running", reason: str | None = None) -> SweepStatus:
        """Progress, for heartbeats."""
        return SweepStatus(
            sequence=self.order.sequence,
            done=self.at,
            total=len(self.points),
            state=state,
            reason=reason,
        )


def begin_sweep(order: SweepOrder, runs: Sequence[JobRun], topology: Topology) -> Sweep:
    """Lay out a sweep of jobs.

    Raises:
        CommandError: a job is not there or is `off`, or no job is left to sweep.
    """
    by_name = {run.name: run for run in runs}
    for name in order.jobs:
        if name not in by_name:
            raise _refused(
                f"job {name!r}", "this node has no such job", "see joulepilot-node status"
            )
        if by_name[name].mode is Mode.OFF:
            raise _refused(f"job {name!r}", "its mode is off", "allow it another mode first")
    names = order.jobs or tuple(run.name for run in runs if run.mode is not Mode.OFF)
    held = [name for name in names if by_name[name].hold is not None]
    if held:
        raise _refused(f"job {held[0]!r}", "it is held", "release it with `hold --off` first")
    if not names:
        raise _refused("all jobs", "none may be swept", "start one, or allow it a mode but off")
    most = len(usable_cpus(topology))
    bounds = {
        name: (by_name[name].job.min_cpus, min(by_name[name].job.max_cpus or most, most))
        for name in names
    }
    points = sweep_points(topology, bounds, n_points=order.n_points, layout=order.layout)
    if not points:
        raise _refused(f"jobs {', '.join(names)}", "no point fits this node", "sweep fewer jobs")
    return Sweep(order, points, {name: by_name[name].in_force for name in names})


def _refused(what: str, found: str, remedy: str) -> CommandError:
    return CommandError(f"asked to sweep {what}", found, remedy)
