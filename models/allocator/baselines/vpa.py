"""Sizing by use, as the Vertical Pod Autoscaler of Kubernetes does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.allocator.arena import Decision
from models.allocator.baselines.ladder import ladder
from models.allocator.baselines.notebook import Notebook

if TYPE_CHECKING:
    from models.allocator.arena import Read, Task


@dataclass(frozen=True, slots=True)
class VerticalAutoscaler:
    """Gives the CPUs a job uses and a margin, until that no longer changes; targets it knows not.

    Where nobody recorded the use, a job counts as using all it is given.
    """

    margin: float = 1.15
    """The recommender's own safety margin."""
    max_probes: int = 8
    name: str = "by use (VPA-like)"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Size by use, again and again."""
        notebook, steps = Notebook(task, read), ladder(task)
        at = steps[-1]
        while at not in notebook.readings and notebook.n_probes < self.max_probes:
            notebook.probe(at)
            use = notebook.readings[at][-1].utilization
            wanted = task.candidates[at].n_cpus * (1.0 if use is None else use) * self.margin
            at = next((i for i in steps if task.candidates[i].n_cpus >= wanted), steps[-1])
        return Decision(task.candidates[at])
