"""Bayesian optimisation with Gaussian processes, as CLITE (HPCA 2020) does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout
from components.policy import normal
from models.allocator.baselines.ladder import effective_cores, ladder, widest
from models.allocator.baselines.notebook import Notebook

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.allocator.arena import Decision, Read, Task

_LENGTHS = (0.3, 0.6, 1.2, 2.4)  # in ln(CPUs)
_READING_SIGMAS = (0.001, 0.003, 0.01, 0.03)
_LEAST_VARIANCE = 1e-6
_LAYOUT_DISTANCE = 0.5  # two layouts are as far apart as this many ln(CPUs)


@dataclass(frozen=True, slots=True)
class BayesianOptimisation:
    """Reads where power is expected to fall most while the target is kept, until that is little."""

    max_probes: int = 20
    least_improvement: float = 0.003
    """Expected saving, as a share of power, below which it ends."""
    name: str = "Gaussian processes (CLITE-like)"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Begin with a few spread counts, then follow the processes."""
        notebook, steps = Notebook(task, read), ladder(task)
        counts = np.asarray([task.candidates[i].n_cpus for i in steps])
        halves = (steps[int(np.abs(counts - counts[-1] / part).argmin())] for part in (2, 4))
        for index in (*widest(task), *halves):
            notebook.keeps(index)
        inputs = _inputs(task)
        while notebook.n_probes < min(self.max_probes, len(task.candidates)):
            saving = self._expected_saving(notebook, inputs)
            index = int(saving.argmax())
            if saving[index] < self.least_improvement:
                break
            notebook.probe(index)
        return notebook.decision()

    def _expected_saving(
        self, notebook: Notebook, inputs: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Shape (C,): of candidates not read yet; with nothing to save over, the likelihood."""
        read = list(notebook.readings)
        latency = np.log([notebook.latency_ms(index) for index in read])
        power = np.log([notebook.power_w(index) for index in read])
        mean, sigma = _regress(inputs, read, latency)
        p_keeps = normal.cdf((np.log(notebook.task.target_ms) - mean) / sigma)
        cheapest = notebook.cheapest()
        value = p_keeps
        if cheapest is not None:
            mean, sigma = _regress(inputs, read, power)
            gain = np.log(notebook.power_w(cheapest)) - mean
            value = p_keeps * normal.mean_above_zero(gain, sigma)
        value[read] = 0.0
        return value


def _inputs(task: Task) -> NDArray[np.float64]:
    """Shape (C, 4): ln of CPUs and of effective cores, and the layout."""
    n_cpus = [candidate.n_cpus for candidate in task.candidates]
    layouts = [
        [_LAYOUT_DISTANCE * (c.layout is layout) for layout in (Layout.SPREAD, Layout.SMT)]
        for c in task.candidates
    ]
    both = np.stack([np.log(n_cpus), np.log(effective_cores(task))], axis=1)
    return np.concatenate([both, np.asarray(layouts)], axis=1)


def _regress(
    inputs: NDArray[np.float64], read: list[int], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sigma of every candidate: a line over ln(effective cores), and a process on it.

    The length over which the process forgets, and the noise of readings, are the likeliest of a
    few.
    """
    x = inputs[read, 1]
    line = np.polynomial.Polynomial.fit(x, values, min(1, len(set(x)) - 1))
    rest = values - line(x)
    scale = max(float(np.mean(rest**2)), _LEAST_VARIANCE)
    distance = ((inputs[:, None, :] - inputs[None, read, :]) ** 2).sum(axis=2)
    kernels = [np.exp(-0.5 * distance / length**2) for length in _LENGTHS]
    noises = [np.eye(len(read)) * (sigma**2 / scale + 1e-8) for sigma in _READING_SIGMAS]
    rest = rest / np.sqrt(scale)
    pairs = product(kernels, noises)
    kernel, noise = max(pairs, key=lambda pair: _likelihood(pair[0][read] + pair[1], rest))
    mean, variance = _condition(kernel, kernel[read] + noise, rest)
    return (
        line(inputs[:, 1]) + np.sqrt(scale) * mean,
        np.sqrt(scale * variance + _LEAST_VARIANCE),
    )


def _likelihood(gram: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Log likelihood of values that a process has, but for a constant."""
    factor = np.linalg.cholesky(gram)
    white = np.linalg.solve(factor, values)
    return -0.5 * float(white @ white) - float(np.log(np.diag(factor)).sum())


def _condition(
    kernel: NDArray[np.float64], gram: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance everywhere of a process that has the values where it was read."""
    factor = np.linalg.cholesky(gram)
    spread = np.linalg.solve(factor, kernel.T)
    mean = spread.T @ np.linalg.solve(factor, values)
    return mean, np.maximum(1.0 - (spread**2).sum(axis=0), 0.0)
