"""Growing and shrinking by how much slack is left, as Heracles (ISCA 2015) does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.allocator.baselines.ladder import ladder
from models.allocator.baselines.notebook import Notebook

if TYPE_CHECKING:
    from models.allocator.arena import Decision, Read, Task


@dataclass(frozen=True, slots=True)
class Feedback:
    """Shrinks while slack is above a tenth, stays between, grows on a miss.

    A shrink takes a share of the CPUs that follows the slack, at most half of them.
    """

    slack_to_shrink: float = 0.10
    max_probes: int = 20
    name: str = "feedback (Heracles-like)"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Follow the slack until it lies within bounds, or a place was seen before."""
        notebook, steps = Notebook(task, read), ladder(task)
        counts = [task.candidates[i].n_cpus for i in steps]
        place = len(steps) - 1
        while steps[place] not in notebook.readings and notebook.n_probes < self.max_probes:
            notebook.probe(steps[place])
            slack = 1.0 - notebook.latency_ms(steps[place]) / task.target_ms
            if slack < 0.0:
                place = min(place + 1, len(steps) - 1)
            elif slack > self.slack_to_shrink:
                wanted = counts[place] * max(1.0 - slack / 2.0, 0.5)
                place = max(min(_fewest(counts, wanted), place - 1), 0)
        return notebook.decision()


def _fewest(counts: list[int], wanted: float) -> int:
    """Place of the fewest CPUs that are at least as many as wanted."""
    return next(place for place, n_cpus in enumerate(counts) if n_cpus >= wanted)
