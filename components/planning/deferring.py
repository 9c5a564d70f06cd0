"""How many CPUs work that may wait gets now, and why: cheap hours first, done by its deadline."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from components.planning.sweep_points import thin
from components.planning.timing import Deferrable, Pace, Slot, place_in_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

from components.planning.timing import Placed

_MOST_PACES = 24
_MOST_SLOTS = 96
_LONGEST_S = 900.0
_DOUBT = 1.1
"""More work than was declared, for what cannot be known: how many CPUs stay free, how fast."""
_ALIKE = 0.1
"""Rates that differ by less are the same: other CPUs are not worth a change."""
_PRESSING = 0.8
"""Share of the time left that the work takes at its fastest, from which it is not held up."""


@dataclass(frozen=True, slots=True)
class Work:
    """One job whose work may wait, as it is now."""

    job: str
    left_cpu_s: float
    """CPU seconds it still takes; not below 0."""
    until_s: float
    """Its deadline, by the same clock as everything here."""
    n_cpus: int
    """What it runs on; 0 while it is paused."""
    min_cpus: int = 1
    max_cpus: int | None = None
    rates: Mapping[int, float] = field(default_factory=dict)
    """CPU seconds it did in a second, by the number of CPUs it had, as was seen; above 0."""
    priority: int = 0

    def rate(self, n_cpus: int) -> float:
        """CPU seconds it does in a second: as seen, else from what was seen on the next fewer.

        What was never seen on fewer keeps each CPU busy, but does no more than was seen on more.
        """
        fewer = max((n for n in self.rates if n <= n_cpus), default=None)
        if fewer is not None:
            return self.rates[fewer] * n_cpus / fewer
        more = min(self.rates, default=None)
        return float(n_cpus) if more is None else min(float(n_cpus), self.rates[more])

    def needs_s(self, n_cpus: int) -> float:
        """How long the rest takes on so many CPUs."""
        return self.left_cpu_s / self.rate(n_cpus) if n_cpus else math.inf

    def most(self, n_spare: int) -> int:
        """Most CPUs it can be given of those that are spare; 0 where they are too few."""
        most = n_spare if self.max_cpus is None else min(n_spare, self.max_cpus)
        return most if most >= self.min_cpus else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What is left over on the node, and what it costs over time."""

    now_s: float
    n_cpus: int
    """CPUs that no service has; they are taken to stay as many."""
    watts: float | None = math.inf
    """What a power cap leaves to all of it; infinite without one, None where power is unknown."""
    watts_per_cpu: float = 1.0
    """What a CPU in use draws; without a cap only that it draws something matters."""
    cost: Callable[[float], float] = lambda _at_s: 1.0
    """Of a joule at a time."""
    is_searching: bool = False
    """Whether a service is being searched for: its windows are better not disturbed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one job gets now."""

    n_cpus: int
    """0: it is paused."""
    reason: str
    is_late: bool = False
    """Whether its deadline cannot be kept, as far as can be seen."""
    begins_s: float | None = None
    """When it is to go on, where it waits for a time."""


def divide(works: Sequence[Work], supply: Supply) -> dict[str, Verdict]:
    """Say what each job gets now, those of higher priority and earlier deadline first."""
    if not works:
        return {}
    slots = _slots(max(work.until_s for work in works), supply)
    jobs = [Deferrable(w.job, w.left_cpu_s * _DOUBT, w.until_s, w.priority) for w in works]
    by_name = {work.job: work for work in works}
    paces = {w.job: _paces(w, supply) for w in works}
    placed = place_in_time(
        [job for job in jobs if paces[job.job]], lambda job: paces[job.job], slots
    )
    verdicts, n_spare = {}, supply.n_cpus
    for job in sorted(jobs, key=lambda j: (-j.priority, j.until_s, j.job)):
        spare = replace(supply, n_cpus=n_spare)
        verdict = _verdict(by_name[job.job], placed.get(job.job), slots, spare)
        n_spare -= verdict.n_cpus
        verdicts[job.job] = verdict
    return verdicts


def _slots(until_s: float, supply: Supply) -> tuple[Slot, ...]:
    """Time from now to the last deadline, in parts of equal length."""
    horizon_s = max(until_s - supply.now_s, 1.0)
    n_slots = min(max(math.ceil(horizon_s / _LONGEST_S), _MOST_SLOTS // 2), 7 * _MOST_SLOTS)
    length_s = horizon_s / n_slots
    watts = math.inf if supply.watts is None else supply.watts
    begins_s = (supply.now_s + at * length_s for at in range(n_slots))
    return tuple(
        Slot(begin_s, length_s, supply.cost(begin_s), supply.n_cpus, watts) for begin_s in begins_s
    )


def _paces(work: Work, supply: Supply) -> tuple[Pace, ...]:
    counts = thin(range(work.min_cpus, work.most(supply.n_cpus) + 1), _MOST_PACES)
    return tuple(Pace(work.rate(n), work.rate(n) * supply.watts_per_cpu, n) for n in counts)


def _verdict(work: Work, placed: Placed | None, slots: Sequence[Slot], supply: Supply) -> Verdict:
    left_s = work.until_s - supply.now_s
    most = work.most(supply.n_cpus)
    is_late = work.needs_s(most) > left_s
    if not most:
        reason = f"{supply.n_cpus} CPUs are free beside the services, {work.min_cpus} are needed"
        return Verdict(0, reason, is_late)
    if supply.watts is None:
        return Verdict(0, "there is a power cap, and power cannot be read", is_late)
    within = [n for n in range(1, most + 1) if work.rate(n) * supply.watts_per_cpu <= supply.watts]
    most = max(within, default=0)
    if placed is None or most < work.min_cpus:
        return Verdict(0, f"the power cap leaves {max(supply.watts, 0.0):.1f} W", is_late)
    if is_late or placed.is_late:
        n_cpus = _steady(work, placed.n_cpus[0] or most, most, is_last=False)
        return Verdict(n_cpus, "its deadline cannot be kept: at once", is_late=True)
    is_pressing = work.needs_s(most) > _PRESSING * left_s
    if supply.is_searching and not is_pressing:
        kept = min(work.n_cpus, most)
        kept = kept if kept >= work.min_cpus else 0
        return Verdict(kept, "a service is being searched for: it stays as it is until then")
    if placed.n_cpus[0]:
        why = "its deadline presses" if is_pressing else "nothing later is cheaper"
        is_last = not any(placed.n_cpus[1:])
        return Verdict(_steady(work, placed.n_cpus[0], most, is_last=is_last), why)
    later = next(at for at, n_cpus in enumerate(placed.n_cpus) if n_cpus)
    now, then = slots[0].cost, slots[later].cost
    reason = f"a joule costs {now:.3g} now and {then:.3g} then"
    return Verdict(0, reason, begins_s=slots[later].begin_s)


def _steady(work: Work, n_cpus: int, most: int, *, is_last: bool) -> int:
    """What it runs on already, where that is as good, or only ends it sooner."""
    if not 0 < work.n_cpus <= most:
        return n_cpus
    is_alike = abs(work.rate(n_cpus) / work.rate(work.n_cpus) - 1.0) <= _ALIKE
    return work.n_cpus if is_alike or (is_last and n_cpus < work.n_cpus) else n_cpus
