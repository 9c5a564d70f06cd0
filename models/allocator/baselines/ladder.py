"""Candidates in an order that a search over one number can walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.allocator.arena import Task
    from models.allocator.baselines.notebook import Notebook

_SIBLING_WORTH = 0.25  # of a core; what SMT adds to throughput in the field, roughly


def ladder(task: Task) -> list[int]:
    """Positions of one candidate for each number of CPUs, ascending: compact before others."""
    by_count: dict[int, int] = {}
    for index, candidate in enumerate(task.candidates):
        held = by_count.setdefault(candidate.n_cpus, index)
        if (
            candidate.layout is Layout.COMPACT
            and task.candidates[held].layout is not candidate.layout
        ):
            by_count[candidate.n_cpus] = index
    return [by_count[n_cpus] for n_cpus in sorted(by_count)]


def widest(task: Task) -> list[int]:
    """Position of all CPUs, and then that of all physical cores where they are fewer."""
    steps = ladder(task)
    cores = [i for i in steps[:-1] if task.candidates[i].n_cpus == task.n_physical]
    return [steps[-1], *cores]


def other_layouts(task: Task, index: int) -> list[int]:
    """Positions of the candidates with as many CPUs in another layout."""
    n_cpus = task.candidates[index].n_cpus
    return [i for i, c in enumerate(task.candidates) if c.n_cpus == n_cpus and i != index]


def try_other_layouts(notebook: Notebook) -> None:
    """Read the cheapest that keeps the target in its other layouts, too."""
    cheapest = notebook.cheapest()
    if cheapest is not None:
        for index in other_layouts(notebook.task, cheapest):
            notebook.keeps(index)


def effective_cores(task: Task) -> NDArray[np.float64]:
    """Shape (C,): cores of each candidate, an SMT sibling counting as a quarter of one."""
    n_cpus = np.asarray([candidate.n_cpus for candidate in task.candidates], dtype=np.float64)
    threads = max(task.n_logical / task.n_physical, 1.0)
    packed = np.asarray([candidate.layout is Layout.SMT for candidate in task.candidates])
    cores = np.where(packed, np.ceil(n_cpus / threads), np.minimum(n_cpus, task.n_physical))
    return np.asarray(cores + _SIBLING_WORTH * (n_cpus - cores))
