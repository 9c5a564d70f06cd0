"""One resource at a time, a step at a time, as PARTIES (ASPLOS 2019) does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.allocator.baselines.ladder import ladder, other_layouts, widest
from models.allocator.baselines.notebook import Notebook

if TYPE_CHECKING:
    from models.allocator.arena import Decision, Read, Task


@dataclass(frozen=True, slots=True)
class HillClimbing:
    """Takes CPUs away while the target is kept and power falls; steps get smaller after a miss."""

    max_probes: int = 20
    name: str = "hill climbing (PARTIES-like)"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Climb down from what keeps the target."""
        notebook, steps = Notebook(task, read), ladder(task)
        at = next((i for i in widest(task) if notebook.probe(i)), None)
        if at is not None:
            self._descend(notebook, steps, at)
            self._change_layout(notebook)
        return notebook.decision()

    def _descend(self, notebook: Notebook, steps: list[int], at: int) -> None:
        step = max(len(steps) // 4, 1)
        while step >= 1 and notebook.n_probes < self.max_probes:
            place = steps.index(at) - step
            if place >= 0 and _is_better(notebook, steps[place], at):
                at = steps[place]
            else:
                step //= 2

    def _change_layout(self, notebook: Notebook) -> None:
        cheapest = notebook.cheapest()
        for index in other_layouts(notebook.task, cheapest) if cheapest is not None else ():
            if notebook.n_probes < self.max_probes:
                notebook.keeps(index)


def _is_better(notebook: Notebook, index: int, than: int) -> bool:
    """Whether a candidate keeps the target at no more power than another."""
    return notebook.keeps(index) and notebook.power_w(index) <= notebook.power_w(than)
