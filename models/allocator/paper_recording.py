"""The paper's sweep, recorded on a made-up node like the paper's: 1 to 100 CPUs, 60 s each.

A count whose mean latency lies within three standard errors of a target is held for longer, until
it does not: with noise the optimum of four targets hangs on a few counts next to them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Candidate
from components.madeup.reference_node import PAPER_MAX_CPUS
from models.allocator.node_recorder import NodeRecorder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.madeup.node import MadeUpNode
    from components.telemetry.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """How long each CPU count is held."""

    max_cpus: int = PAPER_MAX_CPUS
    n_rounds: int = 3
    """Times the whole sweep is made: its last third in time then has every count."""
    n_windows: int = 2
    """Windows of ten seconds a round; three rounds are the 60 s of the paper."""
    doubt_sigmas: float = 3.0
    """Standard errors within which a count is too close to a target to be told from it."""
    max_windows: int = 1600
    """After so many a count that is still too close is left as it is."""


def record_paper_sweep(
    node: MadeUpNode, name: str, targets_ms: Sequence[float], plan: SweepPlan | None = None
) -> tuple[Sample, ...]:
    """Hold every CPU count in the compact layout, and longer what is close to a target."""
    plan = plan or SweepPlan()
    recorder = NodeRecorder(node, name)
    samples = [
        sample
        for _ in range(plan.n_rounds)
        for n_cpus in range(1, plan.max_cpus + 1)
        for sample in recorder.record(Candidate(n_cpus), plan.n_windows)
    ]
    while close := _too_close(samples, targets_ms, plan):
        for n_cpus, n_windows in close.items():
            samples.extend(recorder.record(Candidate(n_cpus), n_windows))
    return tuple(samples)


def _too_close(
    samples: Sequence[Sample], targets_ms: Sequence[float], plan: SweepPlan
) -> Mapping[int, int]:
    """Counts that cannot be told from a target yet, and how many windows more each gets."""
    logs = _latency_logs(samples)
    sigma = _pooled_sigma(logs)
    close = {}
    for n_cpus, seen in logs.items():
        bound = plan.doubt_sigmas * sigma / math.sqrt(len(seen))
        off = min(abs(float(seen.mean()) - math.log(target)) for target in targets_ms)
        if off < bound and len(seen) < plan.max_windows:
            close[n_cpus] = len(seen)
    return close


def _latency_logs(samples: Sequence[Sample]) -> Mapping[int, np.ndarray]:
    by_count: dict[int, list[float]] = {}
    for sample in samples:
        if sample.latency_mean_ms is not None:
            by_count.setdefault(sample.n_cpus, []).append(math.log(sample.latency_mean_ms))
    return {n_cpus: np.asarray(logs) for n_cpus, logs in by_count.items()}


def _pooled_sigma(logs: Mapping[int, np.ndarray]) -> float:
    """Of one window, from how far windows of the same count lie apart."""
    squares = sum(float(((seen - seen.mean()) ** 2).sum()) for seen in logs.values())
    repeats = sum(len(seen) - 1 for seen in logs.values())
    return math.sqrt(squares / max(repeats, 1))
