"""The paper's agent: one goal-conditioned PPO for all its latency targets.

It learns from a recorded sweep which CPU count meets each target at the least power, and is set
beside Table 2 of the paper. 49,152 steps take one or two CPU seconds.
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.allocator.paper_sweep import PaperSweep


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """How the agent is trained; found by search on the reference node."""

    n_steps_total: int = 12 * 512 * 8
    """12 updates, 49,152 steps for all targets together."""
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
    """Least power within the target, by the truth; None when nothing meets it."""
    paper_n_cpus: int | None
    """What the paper's agent chose; None for a target that the paper has not."""
    latency_ms: float
    """True latency of the choice."""
    power_w: float
    """True power of the choice."""
    meets_target: bool
    """By the true latency, not by what was read of it."""

    @property
    def is_exact(self) -> bool:
        """Whether the agent chose the optimum."""
        return self.n_cpus == self.optimal_n_cpus


@dataclass(frozen=True, eq=False)
class PaperResult:
    """A trained agent's choices, with what they were made from."""

    rows: tuple[PaperRow, ...]
    sweep: PaperSweep
    """What was learned from."""
    n_steps: int
    cpu_s: float
    """CPU time of the training."""

    @property
    def n_exact(self) -> int:
        """Targets for which the optimum was chosen."""
        return sum(row.is_exact for row in self.rows)


def train_paper_agent(
    sweep: PaperSweep,
    targets_ms: Sequence[float] = PAPER_TARGETS_MS,
    seed: int = 0,
    settings: PaperSettings | None = None,
    *,
    truth: PaperSweep | None = None,
) -> PaperResult:
    """Train one agent for all targets and let it choose; the same seed chooses the same.

    Args:
        sweep: what was recorded, to learn from.
        targets_ms: milliseconds per image.
        seed: of networks, environments and batches.
        settings: None for those that were found to be exact.
        truth: of the same CPU counts, to judge the choices by; None where nobody knows it: then
            the recorded means are taken for true.
    """
    settings = settings or PaperSettings()
    began_s = time.process_time()
    with _one_torch_thread():
        agent = _train(sweep, targets_ms, seed, settings)
        actions = _choose(agent, PaperTask(sweep, targets_ms))
    rows = tuple(
        judge_choice(truth or sweep, seed, target_ms, int(action))
        for target_ms, action in zip(targets_ms, actions, strict=True)
    )
    return PaperResult(rows, sweep, int(agent.num_timesteps), time.process_time() - began_s)


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


def judge_choice(truth: PaperSweep, seed: int, target_ms: float, action: int) -> PaperRow:
    """Set a choice, as a row of the sweep, beside the best and the paper's."""
    best = truth.best_action(target_ms)
    return PaperRow(
        seed=seed,
        target_ms=float(target_ms),
        n_cpus=int(truth.n_cpus[action]),
        optimal_n_cpus=None if best is None else int(truth.n_cpus[best]),
        paper_n_cpus=PAPER_AGENT_N_CPUS.get(float(target_ms)),
        latency_ms=float(truth.latency_ms[action]),
        power_w=float(truth.power_w[action]),
        meets_target=bool(truth.latency_ms[action] <= target_ms),
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
