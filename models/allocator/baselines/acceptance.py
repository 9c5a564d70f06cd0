"""Our own acceptance rule around others: what safety the rule gives, and what our search adds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.evidence import Readings, add_readings, judge, no_evidence
from models.allocator.arena import Decision

if TYPE_CHECKING:
    from components.jobs.candidate import Candidate
    from components.policy.evidence import Evidence, Verdicts
    from models.allocator.arena import Contender, Read, Reading, Task

WINDOW_SIGMA = 0.01
"""Expected sigma of a window's log latency; our search expects the same."""
CONFIRM_WINDOWS = 10


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Another contender, whose choice is held to what our search has to prove."""

    inner: Contender

    @property
    def name(self) -> str:
        """After the other."""
        return f"{self.inner.name}, confirmed"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:
        """Let the other look around, then confirm the cheapest it read, or the next cheapest."""
        book = Book(task, read)
        self.inner.decide(task, book.read_one, seed)
        return book.settle()


class Book:
    """Reads candidates, and judges what was read as our search does."""

    def __init__(self, task: Task, read: Read) -> None:
        self.task, self._read = task, read
        self._position = {candidate: i for i, candidate in enumerate(task.candidates)}
        self.evidence = no_evidence(np.asarray([WINDOW_SIGMA]), len(task.candidates))

    @property
    def verdicts(self) -> Verdicts:
        """What the rule says so far."""
        return judge(self.evidence, np.log([self.task.target_ms]))

    def read_one(self, candidate: Candidate, confirm_windows: int = 0) -> Reading:
        """Read a candidate and take it in."""
        reading = self._read(candidate, confirm_windows)
        readings = Readings(
            searches=np.asarray([0]),
            candidates=np.asarray([self._position[candidate]]),
            latency_log=np.log([reading.latency_ms]),
            power_log=np.log([reading.power_w]),
            n_windows=np.asarray([float(max(confirm_windows, 1))]),
            ruled_out=np.asarray([False]),
        )
        self.evidence = add_readings(self.evidence, readings)
        return reading

    def settle(self) -> Decision:
        """Confirm the cheapest that may keep the target, or else the next cheapest."""
        candidates = self.task.candidates
        while (open_ := self._open()).any():
            index = int(np.where(open_, self.evidence.power_log[0], np.inf).argmin())
            self.read_one(candidates[index], CONFIRM_WINDOWS)
            if self.verdicts.accepted[0, index]:
                return Decision(candidates[index])
            self.evidence = _rule_out(self.evidence, index)
        latency = np.where(self.evidence.measured[0], self.evidence.latency_log[0], np.inf)
        return Decision(candidates[int(latency.argmin())], infeasible=True)

    def _open(self) -> np.ndarray:
        """Shape (C,): read, and not seen above the target."""
        return np.asarray(self.evidence.measured[0] & ~self.verdicts.over[0])


def _rule_out(evidence: Evidence, index: int) -> Evidence:
    ruled_out = evidence.ruled_out.copy()
    ruled_out[0, index] = True
    return replace(evidence, ruled_out=ruled_out)
