"""Choosing without looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.allocator.arena import Decision
from models.allocator.baselines.ladder import ladder

if TYPE_CHECKING:
    from models.allocator.arena import Read, Task


@dataclass(frozen=True, slots=True)
class FixedShare:
    """Gives a job a share of the node, whatever the target."""

    name: str
    share: float
    """Of the node's logical CPUs, in (0, 1]."""

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - looks at nothing
        """Choose the count that is nearest to the share."""
        wanted = self.share * task.n_logical
        nearest = min(ladder(task), key=lambda i: abs(task.candidates[i].n_cpus - wanted))
        return Decision(task.candidates[nearest])


ALL_CPUS = FixedShare("all CPUs", 1.0)
HALF = FixedShare("half of the CPUs", 0.5)
