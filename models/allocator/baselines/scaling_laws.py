"""Amdahl's law and the universal scalability law, fitted to a few points.

Amdahl: latency = a + b / x over x effective cores. Universal scalability (Gunther 2007): latency =
(a + b (x - 1) + c x (x - 1)) / x; contention is b / a, coherence c / a. None of them is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from models.allocator.arena import Decision
from models.allocator.baselines.ladder import effective_cores, ladder, try_other_layouts
from models.allocator.baselines.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.allocator.arena import Read, Task

    Basis = Callable[[NDArray[np.float64]], NDArray[np.float64]]

N_POINTS = 4
MAX_PROBES = 20


def amdahl(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (N, 2): what a and b are multiplied with."""
    return np.stack([np.ones_like(x), 1.0 / x], axis=1)


def universal(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (N, 3): what a, b and c are multiplied with."""
    return np.stack([1.0 / x, (x - 1.0) / x, x - 1.0], axis=1)


@dataclass(frozen=True, slots=True)
class ScalingLaw:
    """Fits a law to points from all CPUs down, and takes the least that is to keep the target."""

    name: str
    basis: Basis
    until_met: bool
    """Whether the choice is read, and more CPUs are given until the target is kept."""

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Read four points, fit, choose."""
        notebook, steps = Notebook(task, read), ladder(task)
        counts = np.asarray([task.candidates[i].n_cpus for i in steps])
        for wanted in counts[-1] / 2.0 ** np.arange(N_POINTS):
            notebook.keeps(steps[int(np.abs(counts - wanted).argmin())])
        chosen = self._choose(notebook)
        if chosen is None:
            return notebook.decision()
        if not self.until_met:
            return Decision(task.candidates[chosen])
        _climb(notebook, steps, chosen)
        try_other_layouts(notebook)
        return notebook.decision()

    def _choose(self, notebook: Notebook) -> int | None:
        """The fewest effective cores that are to keep the target; of equals the fewest CPUs."""
        task, read = notebook.task, list(notebook.readings)
        x = effective_cores(task)
        latency_ms = np.asarray([notebook.latency_ms(index) for index in read])
        basis = self.basis(x)
        weights = fit_not_negative(basis[read] / latency_ms[:, None], np.ones(len(read)))
        fitting = np.flatnonzero(basis @ weights <= task.target_ms)
        n_cpus = [candidate.n_cpus for candidate in task.candidates]
        return min((int(i) for i in fitting), key=lambda i: (x[i], n_cpus[i]), default=None)


def _climb(notebook: Notebook, steps: list[int], chosen: int) -> None:
    """Read the choice, then more and more CPUs until the target is kept."""
    n_cpus = notebook.task.candidates[chosen].n_cpus
    wider = [i for i in steps if notebook.task.candidates[i].n_cpus > n_cpus]
    for index in (chosen, *wider):
        if notebook.n_probes >= MAX_PROBES or notebook.keeps(index):
            return


def fit_not_negative(
    basis: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Least squares with no weight below 0, by trying every set of columns (there are few)."""
    n_columns = basis.shape[1]
    best, least = np.zeros(n_columns), float("inf")
    for size in range(1, n_columns + 1):
        for columns in map(list, combinations(range(n_columns), size)):
            weights = np.linalg.lstsq(basis[:, columns], values, rcond=None)[0]
            error = float(np.sum((basis[:, columns] @ weights - values) ** 2))
            if (weights >= 0.0).all() and error < least - 1e-12:
                best, least = np.zeros(n_columns), error
                best[columns] = weights
    return best
