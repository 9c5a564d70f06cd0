"""Halving: right wherever more CPUs are never slower."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.allocator.baselines.ladder import ladder, try_other_layouts, widest
from models.allocator.baselines.notebook import Notebook

if TYPE_CHECKING:
    from models.allocator.arena import Decision, Read, Task


@dataclass(frozen=True, slots=True)
class BinarySearch:
    """Looks for the fewest CPUs that keep the target."""

    name: str
    layouts: bool
    """Whether the other layouts of what it found are read as well."""

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Halve what lies between too few and enough."""
        notebook, steps = Notebook(task, read), ladder(task)
        enough = next((i for i in widest(task) if notebook.probe(i)), None)
        if enough is not None:
            low, high = -1, steps.index(enough)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if notebook.keeps(steps[middle]) else (middle, high)
            if self.layouts:
                try_other_layouts(notebook)
        return notebook.decision()
