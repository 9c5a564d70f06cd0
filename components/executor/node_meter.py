"""What is read of the whole node, once a tick for all its jobs."""

from __future__ import annotations

import logging
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.telemetry.errors import ReadingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.node.cpuset import CpuSet
    from components.telemetry.meters import CpuTimes, PowerMeter
    from components.telemetry.sample import PowerSource

log = logging.getLogger(__name__)
RECENT_S = 10.0
"""What `power_w` speaks of: people look at it, and one tick says little."""
SAME_TICK_S = 0.02
LEAST_S = 0.5
"""CPU times advance in steps of 10 ms; over less than this they are mostly rounding."""


@dataclass(frozen=True, slots=True)
class NodeReading:
    """The node's counters at one instant; None where they could not be read."""

    at_s: float
    """By the node's monotonic clock."""
    energy_j: float | None
    busy_s: Mapping[int, float] | None
    n_power_errors: int = 0
    """How often power could not be read before: a window over such an error has no power."""


class NodeMeter:
    """Reads power and CPU times together; what is wrong with either is a line of health."""

    def __init__(self, power: PowerMeter, cpu_times: CpuTimes) -> None:
        self._power = power
        self._cpu_times = cpu_times
        self._recent: deque[NodeReading] = deque()
        self._wrong: dict[str, str] = {}
        self._n_power_errors = 0

    @property
    def source(self) -> PowerSource:
        """How the power figure comes to be."""
        return self._power.source

    @property
    def health(self) -> tuple[str, ...]:
        """One line per meter that could not be read at the last reading."""
        return tuple(f"{meter}: {why}" for meter, why in self._wrong.items())

    @property
    def power_w(self) -> float | None:
        """Mean power over the last seconds; None while they are too few to say."""
        if not self._recent or self._recent[-1].at_s - self._recent[0].at_s < LEAST_S:
            return None
        return mean_power_w(self._recent[0], self._recent[-1])

    @property
    def busy_cpu_w(self) -> float | None:
        """What a CPU in use drew above an idle node over the last seconds; None while unknown."""
        power_w, idle_w = self.power_w, self._power.idle_w
        if power_w is None or idle_w is None:
            return None
        first, last = self._recent[0], self._recent[-1]
        if first.busy_s is None or last.busy_s is None:
            return None
        busy_s = sum(last.busy_s[cpu] - first.busy_s.get(cpu, 0.0) for cpu in last.busy_s)
        n_busy = busy_s / (last.at_s - first.at_s)
        return max(power_w - idle_w, 0.0) / n_busy if n_busy > 0 else None

    @property
    def online(self) -> CpuSet:
        """CPUs that had a line in the last reading; empty before the first."""
        busy_s = self._recent[-1].busy_s if self._recent else None
        return frozenset(busy_s or ())

    def read(self, at_s: float) -> NodeReading:
        """Read the counters now; what was read in the same tick is as good."""
        if self._recent and 0 <= at_s - self._recent[-1].at_s < SAME_TICK_S:
            return self._recent[-1]
        reading = NodeReading(at_s, self._energy_j(), self._busy_s(), self._n_power_errors)
        self._recent.append(reading)
        while self._recent[0].at_s < at_s - RECENT_S:
            self._recent.popleft()
        return reading

    def keep_up(self, at_s: float) -> None:
        """Read when nothing did for a while: counters wrap, also while there are no jobs."""
        if not self._recent or at_s - self._recent[-1].at_s >= RECENT_S:
            self.read(at_s)

    def _energy_j(self) -> float | None:
        try:
            energy_j = _checked(self._power.energy_j())
        except JoulepilotError as error:
            self._note("power", error)
            self._n_power_errors += 1
            return None
        self._wrong.pop("power", None)
        return energy_j

    def _busy_s(self) -> Mapping[int, float] | None:
        try:
            busy_s = self._cpu_times.busy_s()
        except JoulepilotError as error:
            self._note("CPU times", error)
            return None
        self._wrong.pop("CPU times", None)
        return busy_s

    def _note(self, meter: str, error: JoulepilotError) -> None:
        if meter not in self._wrong:
            log.warning("%s cannot be read: %s", meter, error)
        self._wrong[meter] = str(error)


def _checked(energy_j: float) -> float:
    """A counter of joules, as it is.

    Raises:
        ReadingError: no counter says such a thing.
    """
    if math.isfinite(energy_j) and energy_j >= 0:
        return energy_j
    raise ReadingError(
        "asked for the node's energy",
        f"the counter says {energy_j} J",
        "see joulepilot-node doctor",
    )


def mean_power_w(before: NodeReading, after: NodeReading) -> float | None:
    """Mean power between two readings; None where one of them, or the time between, is missing.

    Energy spent around an error is lost, and another meter may be in force since.
    """
    if before.energy_j is None or after.energy_j is None or after.at_s <= before.at_s:
        return None
    if before.n_power_errors != after.n_power_errors:
        return None
    return (after.energy_j - before.energy_j) / (after.at_s - before.at_s)
