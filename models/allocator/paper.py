"""The paper's agent: one goal-conditioned PPO for all its latency targets.

It learns from a recorded sweep which CPU count meets each target at the least power, and is set
beside Table 2 of the paper. 98,304 steps take a few CPU seconds.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from stable_baselines3 import PPO

from components.madeup.reference_node import PAPER_AGENT_N_CPUS, PAPER_TARGETS_MS
from models.allocator.paper_env import PaperTask, PaperVecEnv
from models.allocator.paper_sweep import average_sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from models.allocator.paper_sweep import PaperSweep


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """How the agent is trained; found by search on the reference node."""

    n_steps_total: int = 24 * 512 * 8
    """24 updates, 98,304 steps for all targets together."""
    n_envs: int = 512
    n_steps: int = 8
    """Steps of each environment between two updates."""
    batch_size: int = 1024
    n_epochs: int = 4
    learning_rate: float = 4e-3
    """At the start; falls linearly to 0."""
    entropy: float = 0.01
    net: tuple[int, ...] = (64, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """One line of Table 2."""

    seed: int
    target_ms: float
    n_cpus: int
    """What the agent chose."""
    optimal_n_cpus: int | None
    """Least power within the target, by the averaged sweep; None when nothing meets it."""
    paper_n_cpus: int | None
    """What the paper's agent chose; None for a target that the paper has not."""
    latency_ms: float
    """Of the choice, by the averaged sweep."""
    power_w: float
    """Of the choice, by the averaged sweep."""
    meets_target: bool

    @property
    def is_exact(self) -> bool:
        """Whether the agent chose the optimum."""
        return self.n_cpus == self.optimal_n_cpus


@dataclass(frozen=True, eq=False)
class PaperResult:
    """A trained agent's choices, with what they were made from."""

    rows: tuple[PaperRow, ...]
    sweep: PaperSweep
    n_steps: int
    cpu_s: float
    """CPU time of the training."""

    @property
    def n_exact(self) -> int:
        """Targets for which the optimum was chosen."""
        return sum(row.is_exact for row in self.rows)


def train_paper_agent(
    sweep_rows: pd.DataFrame,
    targets_ms: Sequence[float] = PAPER_TARGETS_MS,
    seed: int = 0,
    settings: PaperSettings | None = None,
) -> PaperResult:
    """Train one agent for all targets and let it choose; the same seed chooses the same.

    Args:
        sweep_rows: one row per measurement with `n_cpus`, `latency_ms`, `power_w`.
        targets_ms: milliseconds per image.
        seed: of networks, environments and batches.
        settings: None for those that were found to be exact.

    Raises:
        SweepError: the sweep cannot be learned from.
    """
    settings = settings or PaperSettings()
    sweep = average_sweep(sweep_rows)
    began_s = time.process_time()
    with _one_torch_thread():
        agent = _train(sweep, targets_ms, seed, settings)
        actions = _choose(agent, PaperTask(sweep, targets_ms))
    rows = tuple(
        _row(sweep, seed, target_ms, int(action))
        for target_ms, action in zip(targets_ms, actions, strict=True)
    )
    return PaperResult(rows, sweep, int(agent.num_timesteps), time.process_time() - began_s)


def paper_rows(
    sweep_rows: pd.DataFrame,
    *,
    seeds: Sequence[int] = (0,),
    targets_ms: Sequence[float] = PAPER_TARGETS_MS,
) -> tuple[PaperRow, ...]:
    """Table 2 for each seed, one agent each."""
    return tuple(
        row for seed in seeds for row in train_paper_agent(sweep_rows, targets_ms, seed).rows
    )


def _train(
    sweep: PaperSweep, targets_ms: Sequence[float], seed: int, settings: PaperSettings
) -> PPO:
    env = PaperVecEnv(sweep, targets_ms, n_envs=settings.n_envs, seed=seed)
    agent = PPO(
        "MlpPolicy",
        env,
        learning_rate=lambda remaining: settings.learning_rate * remaining,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=0.0,
        ent_coef=settings.entropy,
        policy_kwargs={"net_arch": list(settings.net)},
        seed=seed,
        device="cpu",
    )
    return agent.learn(settings.n_steps_total)


def _choose(agent: PPO, task: PaperTask) -> np.ndarray:
    """Decide from all CPUs, see what that gave, and decide again, as a loop would."""
    targets = np.arange(task.n_targets)
    actions = np.full(task.n_targets, task.n_actions - 1)
    for _ in range(3):
        actions, _ = agent.predict(task.observe(targets, actions), deterministic=True)
    return actions


def _row(sweep: PaperSweep, seed: int, target_ms: float, action: int) -> PaperRow:
    best = sweep.best_action(target_ms)
    return PaperRow(
        seed=seed,
        target_ms=float(target_ms),
        n_cpus=int(sweep.n_cpus[action]),
        optimal_n_cpus=None if best is None else int(sweep.n_cpus[best]),
        paper_n_cpus=PAPER_AGENT_N_CPUS.get(float(target_ms)),
        latency_ms=float(sweep.latency_ms[action]),
        power_w=float(sweep.power_w[action]),
        meets_target=bool(sweep.latency_ms[action] <= target_ms),
    )


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Small networks are fastest on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
