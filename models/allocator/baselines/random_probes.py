"""Chance behind our own acceptance rule: what safety the rule gives, and what a policy adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy.evidence import Readings, add_readings, judge, no_evidence
from models.allocator.arena import Decision
from models.allocator.baselines.ladder import widest

if TYPE_CHECKING:
    from components.policy.evidence import Evidence, Verdicts
    from models.allocator.arena import Read, Task


@dataclass(frozen=True, slots=True)
class RandomProbes:
    """Widest first, then any smaller candidate; accepts and confirms as our search does."""

    max_probes: int = 7
    window_sigma: float = 0.01
    """What our search expects, too."""
    confirm_windows: int = 10
    name: str = "random, our acceptance rule"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:
        """Probe at random, then confirm the cheapest accepted, or else the next cheapest."""
        rng = np.random.default_rng(seed)
        book = _Book(task, read, no_evidence(np.asarray([self.window_sigma]), len(task.candidates)))
        first = widest(task)
        for turn in range(self.max_probes):
            incumbent = int(book.verdicts.incumbent[0])
            wide = turn < len(first) and incumbent < 0
            book.read_one(first[turn] if wide else book.pick(rng, incumbent))
        while (incumbent := int(book.verdicts.incumbent[0])) >= 0:
            book.read_one(incumbent, self.confirm_windows)
            if book.verdicts.accepted[0, incumbent]:
                return Decision(task.candidates[incumbent])
        latency = np.where(book.evidence.measured[0], book.evidence.latency_log[0], np.inf)
        return Decision(task.candidates[int(latency.argmin())], infeasible=True)


@dataclass(slots=True)
class _Book:
    task: Task
    read: Read
    evidence: Evidence

    @property
    def verdicts(self) -> Verdicts:
        """What the acceptance rule says so far."""
        return judge(self.evidence, np.log([self.task.target_ms]))

    def pick(self, rng: np.random.Generator, incumbent: int) -> int:
        """Any candidate not read yet, with fewer CPUs than what is accepted already."""
        counts = np.asarray([candidate.n_cpus for candidate in self.task.candidates])
        open_ = ~self.evidence.measured[0]
        if incumbent >= 0:
            open_ &= counts < counts[incumbent]
        return int(rng.choice(np.flatnonzero(open_))) if open_.any() else max(incumbent, 0)

    def read_one(self, index: int, confirm_windows: int = 0) -> None:
        """Read a candidate and take it in."""
        reading = self.read(self.task.candidates[index], confirm_windows)
        readings = Readings(
            searches=np.asarray([0]),
            candidates=np.asarray([index]),
            latency_log=np.log([reading.latency_ms]),
            power_log=np.log([reading.power_w]),
            n_windows=np.asarray([float(max(confirm_windows, 1))]),
            ruled_out=np.asarray([False]),
        )
        self.evidence = add_readings(self.evidence, readings)
