"""One agent for one node and one target, trained by trying: as the paper would, SB3's defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN, PPO

from models.allocator.arena import Decision
from models.allocator.paper_sweep import equation_1

if TYPE_CHECKING:
    from models.allocator.arena import Read, Reading, Task

_ALGORITHMS = {"PPO": PPO, "DQN": DQN}
_MOST = 1e7
_EPISODE = 100  # decisions
_LAST_DECISIONS = 3


class ReadingEnv(gym.Env[np.ndarray, np.int64]):
    """Every step reads a candidate.

    | number | observation          | unit    | range    |
    |--------|----------------------|---------|----------|
    | 0      | latency last read    | ms      | [0, 1e7] |
    | 1      | power last read      | W       | [0, 1e7] |
    | 2      | CPUs of the last one | CPUs    | [0, 1e7] |
    | 3      | use last read, or 1  | 1       | [0, 1e7] |

    Action, Discrete(C): a candidate. Reward: Equation 1 of the paper.
    """

    def __init__(self, task: Task, read: Read) -> None:
        self._task, self._read = task, read
        self.observation_space = gym.spaces.Box(0.0, _MOST, (4,), np.float32)
        self.action_space = gym.spaces.Discrete(len(task.candidates))
        self._left = _EPISODE

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - Gymnasium's signature
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin from all CPUs."""
        super().reset(seed=seed)
        self._left = _EPISODE
        return self._observe(len(self._task.candidates) - 1)[0], {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Read a candidate."""
        observation, reading = self._observe(int(action))
        reward = equation_1(reading.latency_ms, reading.power_w, self._task.target_ms)
        self._left -= 1
        return observation, float(reward), False, self._left <= 0, {}

    def _observe(self, index: int) -> tuple[np.ndarray, Reading]:
        candidate = self._task.candidates[index]
        reading = self._read(candidate)
        use = 1.0 if reading.utilization is None else reading.utilization
        seen = (reading.latency_ms, reading.power_w, candidate.n_cpus, use)
        return np.minimum(seen, _MOST).astype(np.float32), reading


@dataclass(frozen=True, slots=True)
class NaiveSb3:
    """Learns on the node itself; every step of its training is a probe."""

    algorithm: str
    """`PPO` or `DQN`."""
    n_steps: int = 200_000

    @property
    def name(self) -> str:
        """After the algorithm."""
        return f"naive SB3 {self.algorithm}"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:
        """Train, then let the agent decide from all CPUs, a few times in a row."""
        env = ReadingEnv(task, read)
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)  # small networks are fastest on one
        try:
            agent = _ALGORITHMS[self.algorithm]("MlpPolicy", env, seed=seed, device="cpu")
            agent.learn(self.n_steps)
            observation, _ = env.reset()
            action = np.asarray(0)
            for _ in range(_LAST_DECISIONS):
                action, _ = agent.predict(observation, deterministic=True)
                observation, *_ = env.step(np.int64(action))
        finally:
            torch.set_num_threads(n_threads)
        return Decision(task.candidates[int(action)])
