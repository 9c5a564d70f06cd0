"""Deferrable work over a day: placed by carbon, or run at once; on a node whose services go first.

The services' share of the node swings over the day; what they leave is what deferrable jobs get.
Every quarter of an hour the rest of the work is placed anew, by what is known then: the carbon
intensity of the hours to come is taken from the day before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Candidate
from components.madeup.family_usl import draw_usl
from components.madeup.footprint import grid_table
from components.madeup.tenancy import as_tenant, draw_platform
from components.planning.reserve import usable_cpus
from components.planning.timing import Deferrable, Pace, Slot, convex, place_in_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.planning.signals import Signal
    from components.simulation.scenario import Scenario

SLOT_S = 900.0
DAY_S = 86_400.0
_JOULES_PER_KWH = 3.6e6
_SURPRISE = 0.04
"""Sigma of how much slower or faster a quarter of an hour goes than was measured."""


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """What came of one way of running the deferrable jobs of a day."""

    name: str
    carbon_g: float
    energy_kwh: float
    """Of the deferrable jobs, above what the node draws without them."""
    missed: tuple[str, ...]
    """Jobs that were not done by their deadline."""
    feasible: tuple[str, ...]
    """Jobs that could have been, by running alone from their begin with all that was free."""
    n_cpus: Mapping[str, tuple[int, ...]]
    """What each job had in each quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one node; times are seconds since its midnight."""

    works: tuple[Deferrable, ...]
    begins_s: Mapping[str, float]
    paces: Mapping[str, tuple[Pace, ...]]
    free_cpus: tuple[int, ...]
    free_w: tuple[float, ...]
    carbon: Signal
    """From the day before on: times from -86400."""
    seed: int


def draw_day(scenario: Scenario, carbon: Signal, seed: int) -> Day:
    """Draw the jobs' speed and power, and what the services leave; the same seed, the same day."""
    node = scenario.node
    table = grid_table(
        sockets=node.sockets,
        l3_per_socket=node.l3_per_socket,
        cores_per_l3=node.cores_per_l3,
        threads_per_core=node.threads_per_core,
    )
    rng = np.random.default_rng([seed, 0xDA7])
    topology = table.topology
    platform = draw_platform(rng, topology.n_physical)
    hours = np.arange(round(DAY_S / SLOT_S)) * SLOT_S / 3600.0
    busy = 0.45 + 0.25 * np.sin(2 * math.pi * (hours - 9.0 + rng.uniform(-1, 1)) / 24.0)
    usable = len(usable_cpus(topology))
    free = tuple(int(n) for n in np.floor((1.0 - busy) * min(usable, topology.n_physical)))
    works, begins, paces = [], {}, {}
    counts = [n for n in range(1, max(free) + 1) if n <= topology.n_physical]
    footprints = table.of([Candidate(n) for n in counts])
    for plan in scenario.deferrables:
        response = as_tenant(draw_usl(rng, table), platform, table, float(rng.uniform(0.8, 1.2)))
        service_ms = response.at_load(1e-6).latency_ms(footprints)
        power_w = response.at_load(1e9).power_w(footprints) + platform.l3_w * footprints.n_l3
        own = tuple(
            Pace(1e3 / float(ms), float(w), n)
            for ms, w, n in zip(service_ms, power_w, counts, strict=True)
        )
        typical = max(convex(own), key=lambda p: p.rate_per_s if p.n_cpus <= min(free) else 0.0)
        works.append(
            Deferrable(
                plan.name,
                plan.hours * 3600.0 * typical.rate_per_s,
                plan.until_h * 3600.0,
                plan.priority,
            )
        )
        begins[plan.name] = plan.from_h * 3600.0
        paces[plan.name] = own
    cap_w = tuple(scenario.deferrable_w for _ in free)
    return Day(tuple(works), begins, paces, free, cap_w, carbon, seed)


def run_day(day: Day, *, is_placed: bool) -> DayOutcome:
    """Live through a day, placing what is left of the work anew every quarter of an hour.

    Args:
        day: what is true.
        is_placed: by carbon; else every job runs at once.
    """
    rng = np.random.default_rng([day.seed, 0x5107])
    left = {work.job: work.work for work in day.works}
    had: dict[str, list[int]] = {job: [] for job in left}
    carbon_g = energy_j = 0.0
    for slot in range(len(day.free_cpus)):
        now_s = slot * SLOT_S
        waiting = [
            replace(w, work=left[w.job])
            for w in day.works
            if left[w.job] > 0.0 and day.begins_s[w.job] <= now_s < w.until_s
        ]
        given = _decide(day, waiting, now_s, is_placed=is_placed)
        intensity = day.carbon.at(now_s) or 0.0
        for work in day.works:
            n_cpus = given.get(work.job, 0)
            had[work.job].append(n_cpus)
            pace = next((p for p in day.paces[work.job] if p.n_cpus == n_cpus), None)
            if pace is None:
                continue
            rate = pace.rate_per_s * math.exp(_SURPRISE * rng.standard_normal())
            seconds = min(SLOT_S, work.until_s - now_s, left[work.job] / rate)
            left[work.job] = max(left[work.job] - rate * seconds, 0.0)
            left[work.job] = 0.0 if left[work.job] < 1e-6 * work.work else left[work.job]
            energy_j += pace.power_w * seconds
            carbon_g += intensity * pace.power_w * seconds / _JOULES_PER_KWH
    return DayOutcome(
        "placed by carbon" if is_placed else "run at once",
        carbon_g,
        energy_j / _JOULES_PER_KWH,
        tuple(job for job, rest in left.items() if rest > 0.0),
        tuple(work.job for work in day.works if _is_feasible(day, work)),
        {job: tuple(counts) for job, counts in had.items()},
    )


def _decide(
    day: Day, waiting: Sequence[Deferrable], now_s: float, *, is_placed: bool
) -> dict[str, int]:
    """CPUs of each waiting job in the present slot."""
    known = day.carbon.known_until(now_s)
    slots = [
        Slot(
            at * SLOT_S,
            SLOT_S,
            (known.forecast(at * SLOT_S, now_s) or 1.0) if is_placed else 1.0,
            day.free_cpus[at],
            day.free_w[at],
        )
        for at in range(round(now_s / SLOT_S), len(day.free_cpus))
    ]
    if is_placed:
        placed = place_in_time(waiting, lambda job: day.paces[job.job], slots)
        return {job: p.n_cpus[0] for job, p in placed.items()}
    given, cpus, watts = {}, slots[0].free_cpus, slots[0].free_w
    for job in sorted(waiting, key=lambda j: (-j.priority, j.until_s, j.job)):
        fitting = [p for p in day.paces[job.job] if p.n_cpus <= cpus and p.power_w <= watts]
        if fitting:
            fastest = convex(fitting)[-1]
            given[job.job] = fastest.n_cpus
            cpus, watts = cpus - fastest.n_cpus, watts - fastest.power_w
    return given


def _is_feasible(day: Day, work: Deferrable) -> bool:
    """Whether it would be done with all that the services leave, from its begin to its deadline."""
    done = 0.0
    for at, (cpus, watts) in enumerate(zip(day.free_cpus, day.free_w, strict=True)):
        if day.begins_s[work.job] <= at * SLOT_S < work.until_s:
            rates = [
                p.rate_per_s for p in day.paces[work.job] if p.n_cpus <= cpus and p.power_w <= watts
            ]
            done += max(rates, default=0.0) * min(SLOT_S, work.until_s - at * SLOT_S)
    return done >= work.work
