"""Chance behind our own acceptance rule: what a policy adds to the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.allocator.baselines.acceptance import Book
from models.allocator.baselines.ladder import widest

if TYPE_CHECKING:
    from models.allocator.arena import Decision, Read, Task


@dataclass(frozen=True, slots=True)
class RandomProbes:
    """Widest first, then anything smaller than the cheapest accepted."""

    max_probes: int = 7
    name: str = "random probes, confirmed"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:
        """Probe at random, then confirm the cheapest, or else the next cheapest."""
        rng, book, first = np.random.default_rng(seed), Book(task, read), widest(task)
        for turn in range(self.max_probes):
            incumbent = int(book.verdicts.incumbent[0])
            wide = turn < len(first) and incumbent < 0
            index = first[turn] if wide else _pick(book, rng, incumbent)
            book.read_one(task.candidates[index])
        return book.settle()


def _pick(book: Book, rng: np.random.Generator, incumbent: int) -> int:
    """Any candidate not read yet, with fewer CPUs than what is accepted; if none is left, that."""
    counts = np.asarray([candidate.n_cpus for candidate in book.task.candidates])
    open_ = ~book.evidence.measured[0]
    if incumbent >= 0:
        open_ &= counts < counts[incumbent]
    return int(rng.choice(np.flatnonzero(open_))) if open_.any() else max(incumbent, 0)
