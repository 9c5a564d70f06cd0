"""Random exploration, then a polynomial through it, as RASK does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout
from models.allocator.baselines.ladder import effective_cores
from models.allocator.baselines.notebook import Notebook

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.allocator.arena import Decision, Read, Task

_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Regression:
    """Reads candidates at random, fits latency and power, reads what they call best."""

    n_explored: int = 20
    name: str = "regression on 20 (RASK-like)"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:
        """Explore, fit, look at the choice; the best that was seen is taken."""
        notebook = Notebook(task, read)
        order = np.random.default_rng(seed).permutation(len(task.candidates))
        for index in order[: self.n_explored]:
            notebook.probe(int(index))
        terms, explored = _terms(task), list(notebook.readings)
        latency = _fit(terms, explored, [notebook.latency_ms(index) for index in explored])
        power = _fit(terms, explored, [notebook.power_w(index) for index in explored])
        keeps = latency <= np.log(task.target_ms)
        best = np.where(keeps, power, np.inf) if keeps.any() else latency
        notebook.keeps(int(best.argmin()))
        return notebook.decision()


def _terms(task: Task) -> NDArray[np.float64]:
    """Shape (C, 8): a square in ln of CPUs and of effective cores, and the layout."""
    n = np.log([candidate.n_cpus for candidate in task.candidates])
    x = np.log(effective_cores(task))
    layouts = [
        [float(c.layout is layout) for c in task.candidates]
        for layout in (Layout.SPREAD, Layout.SMT)
    ]
    return np.stack([np.ones_like(n), n, x, n * n, n * x, x * x, *np.asarray(layouts)], axis=1)


def _fit(
    terms: NDArray[np.float64], explored: list[int], values: list[float]
) -> NDArray[np.float64]:
    """Shape (C,): ln of the values, everywhere."""
    known = terms[explored]
    gram = known.T @ known + _RIDGE * np.eye(terms.shape[1])
    return np.asarray(terms @ np.linalg.solve(gram, known.T @ np.log(values)))
