"""When deferrable work runs: cheap hours first, done by its deadline whenever that is possible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.planning.errors import DeferralError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAFETY = 0.08
"""Share of the remaining work that is kept as a reserve of time: rates fall, clocks drift."""


@dataclass(frozen=True, slots=True)
class Deferrable:
    """One job whose work may wait."""

    job: str
    work: float
    """What is left to do, in units of its own."""
    until_s: float
    """Its deadline, by the same clock as the slots."""
    priority: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.work) and self.work >= 0.0):
            raise DeferralError(
                f"asked to place the work of {self.job!r}",
                f"{self.work} units are no work",
                "give joulepilot.work as a positive number",
            )


@dataclass(frozen=True, slots=True)
class Pace:
    """One way to run a job: how fast, at which power above an idle job."""

    rate_per_s: float
    power_w: float
    n_cpus: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time to come."""

    begin_s: float
    length_s: float
    cost: float
    """Of a joule, in whatever is weighed: carbon, money, or 1."""
    free_cpus: int
    free_w: float = math.inf
    """What the power cap leaves."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What a job does in each slot; 0 where it is paused."""

    n_cpus: tuple[int, ...]
    is_late: bool
    """Whether the work cannot be done by the deadline, as far as can be seen."""
    cost: float
    """Joules times their cost."""


def place_in_time(
    jobs: Sequence[Deferrable], paces: Callable[[Deferrable], Sequence[Pace]], slots: Sequence[Slot]
) -> dict[str, Placed]:
    """Place jobs, those of higher priority and earlier deadline first, in what is left free.

    For each: steps from one pace of a slot to its next faster one are taken in order of what a
    unit of work costs by them, the earlier of equals, until the work fits with a reserve. Of the
    paces that fit a slot those on the lower convex hull count, so that this greedy order is the
    best one but for the last step. Work that cannot be done in time is done as soon as possible.
    """
    cpus = [slot.free_cpus for slot in slots]
    watts = [slot.free_w for slot in slots]
    answer = {}
    for job in sorted(jobs, key=lambda j: (-j.priority, j.until_s, j.job)):
        placed, drawn_w = _place(job, paces(job), slots, cpus, watts)
        answer[job.job] = placed
        cpus = [left - used for left, used in zip(cpus, placed.n_cpus, strict=True)]
        watts = [left - used for left, used in zip(watts, drawn_w, strict=True)]
    return answer


def _place(
    job: Deferrable,
    paces: Sequence[Pace],
    slots: Sequence[Slot],
    cpus: Sequence[int],
    watts: Sequence[float],
) -> tuple[Placed, list[float]]:
    convex(paces)  # some of them have to do some work
    steps = []
    hulls = []
    for at, slot in enumerate(slots):
        seconds = min(slot.length_s, job.until_s - slot.begin_s)
        fitting = [p for p in paces if p.n_cpus <= cpus[at] and p.power_w <= watts[at]]
        hull = convex(fitting) if seconds > 0.0 and any(p.rate_per_s > 0 for p in fitting) else []
        hulls.append(hull)
        before = Pace(0.0, 0.0, 0)
        for level, pace in enumerate(hull, start=1):
            faster = pace.rate_per_s - before.rate_per_s
            price = slot.cost * (pace.power_w - before.power_w) / faster
            steps.append((float(f"{price:.9g}"), slot.begin_s, at, level, faster * seconds))
            before = pace
    needed = job.work * (1.0 + SAFETY)
    is_late = sum(step[4] for step in steps) < job.work
    levels = [0] * len(slots)
    order = sorted(steps, key=lambda s: (s[2], s[3])) if is_late else sorted(steps)
    done = 0.0
    for _, _, at, level, work in order:
        if done >= needed:
            break
        levels[at] = level
        done += work
    chosen = [
        hull[level - 1] if level else Pace(0.0, 0.0, 0)
        for hull, level in zip(hulls, levels, strict=True)
    ]
    cost = sum(
        slot.cost * pace.power_w * slot.length_s for slot, pace in zip(slots, chosen, strict=True)
    )
    placed = Placed(tuple(pace.n_cpus for pace in chosen), is_late, cost)
    return placed, [pace.power_w for pace in chosen]


def convex(paces: Sequence[Pace]) -> list[Pace]:
    """The paces on the lower convex hull of power over rate, from nothing up; ascending.

    Raises:
        DeferralError: none of them does any work.
    """
    hull: list[Pace] = []
    for pace in sorted(paces, key=lambda p: (p.rate_per_s, p.power_w)):
        if pace.rate_per_s <= (hull[-1].rate_per_s if hull else 0.0):
            continue
        while hull and _slope(hull[-2] if len(hull) > 1 else None, hull[-1]) >= _slope(
            hull[-1], pace
        ):
            hull.pop()
        hull.append(pace)
    if not hull:
        raise DeferralError(
            "asked to place deferrable work", "no allocation does any of it", "measure it first"
        )
    return hull


def _slope(low: Pace | None, high: Pace) -> float:
    before = low or Pace(0.0, 0.0, 0)
    return (high.power_w - before.power_w) / max(high.rate_per_s - before.rate_per_s, 1e-12)
