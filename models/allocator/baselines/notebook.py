"""What a baseline read so far; it believes the mean of its readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.allocator.arena import Decision

if TYPE_CHECKING:
    from models.allocator.arena import Read, Reading, Task


@dataclass(slots=True)
class Notebook:
    """Reads candidates by position, remembers, and decides by what was read."""

    task: Task
    read: Read
    readings: dict[int, list[Reading]] = field(default_factory=dict)

    def probe(self, index: int) -> bool:
        """Read a candidate once more; whether it keeps the target as far as was seen."""
        self.readings.setdefault(index, []).append(self.read(self.task.candidates[index]))
        return self.keeps(index)

    def keeps(self, index: int) -> bool:
        """Whether the mean of a candidate's readings keeps the target, reading it if need be."""
        if index not in self.readings:
            return self.probe(index)
        return self.latency_ms(index) <= self.task.target_ms

    def latency_ms(self, index: int) -> float:
        """Mean latency read."""
        return float(np.mean([reading.latency_ms for reading in self.readings[index]]))

    def power_w(self, index: int) -> float:
        """Mean power read."""
        return float(np.mean([reading.power_w for reading in self.readings[index]]))

    @property
    def n_probes(self) -> int:
        """Windows read."""
        return sum(len(readings) for readings in self.readings.values())

    def cheapest(self) -> int | None:
        """Of what was seen to keep the target, the one of least power; None where nothing was."""
        keeping = [index for index in self.readings if self.keeps(index)]
        return min(keeping, key=self.power_w, default=None)

    def decision(self) -> Decision:
        """Take the cheapest that was seen to keep the target; without one, say so."""
        cheapest = self.cheapest()
        if cheapest is not None:
            return Decision(self.task.candidates[cheapest])
        fastest = min(self.readings, key=self.latency_ms)
        return Decision(self.task.candidates[fastest], infeasible=True)
