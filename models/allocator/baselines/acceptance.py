"""Our own acceptance rule around others: what safety the rule gives, and what our search adds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy.evidence import add_reading, judge, no_evidence, rule_out
from components.policy.search_settings import SearchSettings
from models.allocator.arena import Decision

if TYPE_CHECKING:
    from components.jobs.candidate import Candidate
    from components.policy.evidence import Verdicts
    from models.allocator.arena import Contender, Read, Reading, Task

WINDOW_SIGMA = SearchSettings().window_sigma
"""Expected sigma of a window's log latency; our search expects the same."""
CONFIRM_WINDOWS = 10
_PART = 2
"""Windows of a confirmation that are read at once, as our search does."""


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
        self.evidence = add_reading(
            self.evidence,
            self._position[candidate],
            math.log(reading.latency_ms),
            math.log(reading.power_w),
            n_windows=float(max(confirm_windows, 1)),
        )
        return reading

    def settle(self) -> Decision:
        """Confirm the cheapest that may keep the target, or else the next cheapest."""
        candidates = self.task.candidates
        while (open_ := self._open()).any():
            index = int(np.where(open_, self.evidence.power_log[0], np.inf).argmin())
            self._confirm(index)
            if self.verdicts.accepted[0, index]:
                return Decision(candidates[index])
            self.evidence = rule_out(self.evidence, index)
        latency = np.where(self.evidence.measured[0], self.evidence.latency_log[0], np.inf)
        return Decision(candidates[int(latency.argmin())], infeasible=True)

    def _confirm(self, index: int) -> None:
        """Read a candidate in parts until it is refused, or all were read."""
        for _ in range(CONFIRM_WINDOWS // _PART):
            self.read_one(self.task.candidates[index], _PART)
            if self.verdicts.refused[0, index]:
                return

    def _open(self) -> np.ndarray:
        """Shape (C,): read, and not seen above the target."""
        return np.asarray(self.evidence.measured[0] & ~self.verdicts.over[0])
