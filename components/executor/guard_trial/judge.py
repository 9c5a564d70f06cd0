"""Judges a job by the truth of its made-up node, beside a twin that has all CPUs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Instant:
    """True means over one tick."""

    latency_ms: float
    all_cpus_ms: float
    """Of the twin that was given all CPUs, under the same load."""
    power_w: float
    all_cpus_w: float


@dataclass(slots=True)
class Judge:
    """Counts windows and excursions; fed one instant a tick.

    A window misses when its true mean latency is above the target. An excursion is a stretch in
    which the latency lies above the target by more than the noise of one window hides (four sigma),
    while all CPUs would keep it; it is repaired when it is over.
    """

    target_ms: float
    noise: float
    """Sigma of the log of one window's mean latency."""
    ticks_per_window: int
    n_windows: int = 0
    n_missed: int = 0
    n_missed_with_all: int = 0
    excursions: list[int] = field(default_factory=list)
    """Length of each, in ticks."""
    energy: float = 0.0
    energy_with_all: float = 0.0
    _window: list[Instant] = field(default_factory=list)
    _stretch: int = 0

    def see(self, instant: Instant) -> None:
        """Take in one tick."""
        self.energy += instant.power_w
        self.energy_with_all += instant.all_cpus_w
        self._follow_excursion(instant)
        self._window.append(instant)
        if len(self._window) == self.ticks_per_window:
            self._close()

    @property
    def saving(self) -> float:
        """Share of the power with all CPUs that was saved."""
        return 1.0 - self.energy / self.energy_with_all

    def _close(self) -> None:
        n = len(self._window)
        self.n_windows += 1
        self.n_missed += sum(i.latency_ms for i in self._window) / n > self.target_ms
        self.n_missed_with_all += sum(i.all_cpus_ms for i in self._window) / n > self.target_ms
        self._window.clear()

    def _follow_excursion(self, instant: Instant) -> None:
        visible_ms = self.target_ms * math.exp(4.0 * self.noise)
        if instant.latency_ms > visible_ms and instant.all_cpus_ms <= self.target_ms:
            self._stretch += 1
        elif self._stretch:
            self.excursions.append(self._stretch)
            self._stretch = 0
