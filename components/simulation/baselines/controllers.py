"""Baselines that watch and adjust, one rule a class; no two jobs have the same CPU."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout, place
from components.planning.reserve import reserved_cpus
from components.simulation.baselines.fixed import equal_shares

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.node.cpuset import CpuSet
    from components.simulation.cast import Cast
    from components.simulation.play import Contender, Seen


class Adjusting(ABC):
    """Begins with equal shares; subclasses say how many CPUs each job is to have."""

    name = ""

    def __init__(self) -> None:
        self._cast: Cast | None = None
        self.targets_ms: Mapping[str, float] = {}

    def begin(self, cast: Cast) -> dict[str, CpuSet]:
        """Equal shares."""
        self._cast = cast
        self.targets_ms = {p.name: p.target_ms for p in cast.players}
        return equal_shares(cast)

    def next(self, seen: Seen) -> dict[str, CpuSet]:
        """Make the wanted numbers real, those that shrink first."""
        wanted = self.wanted(seen)
        held = dict(seen.held)
        for name in sorted(wanted, key=lambda n: wanted[n] - len(held[n])):
            if wanted[name] != len(held[name]):
                held[name] = self._resize(name, wanted[name], held)
        return held

    @abstractmethod
    def wanted(self, seen: Seen) -> dict[str, int]:
        """CPUs each job is to have."""

    def _resize(self, name: str, n_cpus: int, held: Mapping[str, CpuSet]) -> CpuSet:
        if self._cast is None:
            return held[name]
        topology = self._cast.topology
        others: CpuSet = frozenset().union(*(c for n, c in held.items() if n != name))
        taken = reserved_cpus(topology) | others
        free = len(topology.ids - taken)
        n_cpus = max(min(n_cpus, free), 1)
        return place(topology, n_cpus, Layout.SMT, taken=taken, current=held[name] - taken)


class VpaLike(Adjusting):
    """As the Vertical Pod Autoscaler: a high percentile of use and a margin, now and then."""

    name = "VPA-like"
    _PERCENTILE, _MARGIN, _EVERY = 90.0, 1.15, 6

    def __init__(self) -> None:
        super().__init__()
        self._used: dict[str, list[float]] = defaultdict(list)

    def wanted(self, seen: Seen) -> dict[str, int]:
        """CPUs by what was used, whatever latency is."""
        for name, busy in seen.busy_cpus.items():
            self._used[name].append(busy)
        if (seen.step + 1) % self._EVERY:
            return {}
        return {
            name: math.ceil(self._MARGIN * float(np.percentile(used, self._PERCENTILE)))
            for name, used in self._used.items()
        }


class HeraclesLike(Adjusting):
    """As Heracles' top-level controller, for each job: slack decides whether to grow or give up.

    Below no slack everything that is free; below 5 % two CPUs more; above 10 % one less, every
    half minute.
    """

    name = "Heracles-like"
    _EVERY = 3

    def wanted(self, seen: Seen) -> dict[str, int]:
        """CPUs by slack."""
        wanted = {}
        for name, latency_ms in seen.latency_ms.items():
            slack = 1.0 - latency_ms / self.targets_ms[name]
            n = len(seen.held[name])
            if slack < 0.0:
                wanted[name] = 10**6
            elif slack < 0.05:
                wanted[name] = n + 2
            elif slack > 0.10 and seen.step % self._EVERY == 0:
                wanted[name] = n - 1
        return wanted


class PartiesLike(Adjusting):
    """As PARTIES: one adjustment a step; up for who has least slack, down for who has most.

    A shrink that brought a job below 5 % is taken back and not tried again for a minute.
    """

    name = "PARTIES-like"
    _UP, _DOWN, _BACK_OFF = 0.05, 0.20, 6

    def __init__(self) -> None:
        super().__init__()
        self._not_before: dict[str, int] = defaultdict(int)
        self._shrunk: str | None = None

    def wanted(self, seen: Seen) -> dict[str, int]:
        """CPUs of the one job that is adjusted."""
        slack = {n: 1.0 - ms / self.targets_ms[n] for n, ms in seen.latency_ms.items()}
        shrunk, self._shrunk = self._shrunk, None
        if not slack:
            return {}
        worst = min(slack, key=lambda n: slack[n])
        if slack[worst] < self._UP:
            if worst == shrunk:
                self._not_before[worst] = seen.step + self._BACK_OFF
            more = 1 if slack[worst] >= 0.0 else 2
            return {worst: len(seen.held[worst]) + more}
        may = [n for n in slack if slack[n] > self._DOWN and seen.step >= self._not_before[n]]
        if not may:
            return {}
        self._shrunk = max(may, key=lambda n: slack[n])
        return {self._shrunk: len(seen.held[self._shrunk]) - 1}


def adjusting_baselines() -> tuple[Contender, ...]:
    """All of them, fresh."""
    return VpaLike(), HeraclesLike(), PartiesLike()
