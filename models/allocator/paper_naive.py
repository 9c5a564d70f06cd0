"""What the paper did, for comparison: one agent a target, Equation 1, SB3's defaults."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Candidate
from components.madeup.reference_node import reference_table
from models.allocator.arena import Reading, Task
from models.allocator.baselines.naive_sb3 import NaiveSb3
from models.allocator.paper import judge_choice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.allocator.paper import PaperRow
    from models.allocator.paper_sweep import PaperSweep

ALGORITHMS = ("PPO", "DQN")
NAIVE_STEPS = 200_000
"""As many as in the paper, for each target."""


@dataclass(frozen=True, slots=True)
class NaiveRow:
    """One agent, trained for one target."""

    algorithm: str
    row: PaperRow
    n_steps: int
    cpu_s: float


def train_naively(
    sweep: PaperSweep,
    truth: PaperSweep,
    targets_ms: Sequence[float],
    *,
    seed: int = 0,
    n_steps: int = NAIVE_STEPS,
    algorithms: Sequence[str] = ALGORITHMS,
    progress: Callable[[int, int, str], None],
) -> tuple[NaiveRow, ...]:
    """Train each algorithm for each target on a recorded sweep; minutes of CPU time each.

    Args:
        sweep: what was recorded; a step reads the mean of one CPU count.
        truth: of the same counts, to judge the choices by.
        targets_ms: one agent each.
        seed: of every agent.
        n_steps: of every agent.
        algorithms: `PPO`, `DQN`.
        progress: told (done, total, what).
    """
    asked = [(name, target_ms) for name in algorithms for target_ms in targets_ms]
    rows = []
    for done, (algorithm, target_ms) in enumerate(asked):
        progress(done, len(asked), f"naive SB3 {algorithm}, {target_ms:g} ms")
        rows.append(_train(sweep, truth, target_ms, NaiveSb3(algorithm, n_steps), seed))
    return tuple(rows)


def _train(
    sweep: PaperSweep, truth: PaperSweep, target_ms: float, agent: NaiveSb3, seed: int
) -> NaiveRow:
    at = {int(n_cpus): i for i, n_cpus in enumerate(sweep.n_cpus)}
    topology = reference_table().topology

    def read(candidate: Candidate, confirm_windows: int = 0) -> Reading:  # noqa: ARG001 - the port
        i = at[candidate.n_cpus]
        return Reading(float(sweep.latency_ms[i]), float(sweep.power_w[i]))

    task = Task(
        name=f"reference node, {target_ms:g} ms",
        candidates=tuple(Candidate(n_cpus) for n_cpus in at),
        n_logical=topology.n_logical,
        n_physical=topology.n_physical,
        target_ms=target_ms,
    )
    began_s = time.process_time()
    choice = agent.decide(task, read, seed).candidate
    cpu_s = time.process_time() - began_s
    action = int(np.flatnonzero(truth.n_cpus == choice.n_cpus)[0])
    return NaiveRow(
        agent.algorithm, judge_choice(truth, seed, target_ms, action), agent.n_steps, cpu_s
    )
