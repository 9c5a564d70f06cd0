"""The paper's task as an environment: pick a CPU count for a target, see latency and power.

One decision is one episode: what an allocation does depends on nothing before it. The environment
comes once by itself, as Gymnasium has it, and once as many in step over numpy arrays, which is
some thirty times faster.

Observation, float32, shape (T + 3,), T being the number of targets:

| number | observation                                                   | range  |
|--------|---------------------------------------------------------------|--------|
| 0..T-1 | 1 at the target in force, else 0                              | 0 or 1 |
| T      | log of the last latency, from fastest to slowest of the sweep | [0, 1] |
| T + 1  | last power, from least to most of the sweep                   | [0, 1] |
| T + 2  | last CPU count, from fewest to most of the sweep              | [0, 1] |

Action, Discrete(A): row of the sweep, that is one of its CPU counts, ascending.

Reward: `training_reward`, which orders actions as Equation 1 does; Equation 1 itself is reported
as `info["equation_1"]` by the single environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from models.allocator.paper_sweep import equation_1, training_reward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

    from models.allocator.paper_sweep import PaperSweep


class PaperTask:
    """What both environments share: observations and rewards of a sweep and its targets."""

    def __init__(self, sweep: PaperSweep, targets_ms: Sequence[float]) -> None:
        self.sweep = sweep
        self.targets_ms = np.asarray(targets_ms, dtype=np.float64)
        self.rewards = training_reward(sweep, self.targets_ms)
        self.n_actions = sweep.n_cpus.size
        self.n_targets = self.targets_ms.size
        self.observation_space = gym.spaces.Box(0.0, 1.0, (self.n_targets + 3,), np.float32)
        self.action_space = gym.spaces.Discrete(self.n_actions)
        self._seen = np.stack(
            [_to_unit(np.log(sweep.latency_ms)), _to_unit(sweep.power_w), _to_unit(sweep.n_cpus)],
            axis=1,
        )

    def observe(
        self, targets: NDArray[np.int64], last_actions: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Shape (N, T + 3): observations of N targets (as indices) after N actions."""
        goals = np.eye(self.n_targets)[targets]
        return np.concatenate([goals, self._seen[last_actions]], axis=1).astype(np.float32)


class PaperEnv(gym.Env[np.ndarray, np.int64]):
    """One decision, one episode; the last action outlives a reset. See the module for tables."""

    def __init__(self, sweep: PaperSweep, targets_ms: Sequence[float]) -> None:
        self._task = PaperTask(sweep, targets_ms)
        self.observation_space = self._task.observation_space
        self.action_space = self._task.action_space
        self._target = 0
        self._last = self._task.n_actions - 1

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - Gymnasium's signature
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw a target; with a seed, also forget the last action."""
        super().reset(seed=seed)
        if seed is not None:
            self._last = self._task.n_actions - 1
        self._target = int(self.np_random.integers(self._task.n_targets))
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take a CPU count; the episode is over."""
        self._last = int(action)
        sweep = self._task.sweep
        paper = equation_1(
            sweep.latency_ms[self._last],
            sweep.power_w[self._last],
            self._task.targets_ms[self._target],
        )
        reward = float(self._task.rewards[self._target, self._last])
        return self._observation(), reward, True, False, {"equation_1": float(paper)}

    def _observation(self) -> np.ndarray:
        both = self._task.observe(np.asarray([self._target]), np.asarray([self._last]))
        return np.asarray(both[0])


class PaperVecEnv(VecEnv):
    """Many of `PaperEnv` in step, over arrays."""

    render_mode = None

    def __init__(
        self, sweep: PaperSweep, targets_ms: Sequence[float], *, n_envs: int, seed: int
    ) -> None:
        self._task = PaperTask(sweep, targets_ms)
        super().__init__(n_envs, self._task.observation_space, self._task.action_space)
        self._rng = np.random.default_rng(seed)
        self._targets = self._draw_targets()
        self._last = self._rng.integers(self._task.n_actions, size=n_envs)
        self._actions = self._last
        self._infos: list[dict[str, Any]] = [{} for _ in range(n_envs)]

    def reset(self) -> VecEnvObs:
        """Draw targets for all."""
        self._targets = self._draw_targets()
        return self._task.observe(self._targets, self._last)

    def step_async(self, actions: np.ndarray) -> None:
        """Take one action each."""
        self._actions = np.asarray(actions, dtype=np.int64)

    def step_wait(self) -> VecEnvStepReturn:
        """Every episode ends; observations are those of the next ones."""
        rewards = self._task.rewards[self._targets, self._actions].astype(np.float32)
        self._last = self._actions
        return self.reset(), rewards, np.ones(self.num_envs, dtype=bool), self._infos

    def close(self) -> None:
        """Nothing is held."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same value for each environment asked for."""
        return [getattr(self, attr_name)] * self._n_asked(indices)

    def set_attr(
        self,
        attr_name: str,
        value: Any,
        indices: Any = None,  # noqa: ARG002 - Stable-Baselines3's signature
    ) -> None:
        """Set it for all: they share one object."""
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        """Call it once; the same answer for each environment asked for."""
        return [getattr(self, method_name)(*args, **kwargs)] * self._n_asked(indices)

    def env_is_wrapped(
        self,
        wrapper_class: Any,  # noqa: ARG002 - Stable-Baselines3's signature
        indices: Any = None,
    ) -> list[bool]:
        """Nothing is wrapped."""
        return [False] * self._n_asked(indices)

    def _n_asked(self, indices: Any) -> int:
        return len(list(self._get_indices(indices)))

    def _draw_targets(self) -> NDArray[np.int64]:
        return self._rng.integers(self._task.n_targets, size=self.num_envs)


def _to_unit(values: NDArray[Any]) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / max(high - low, 1e-12), dtype=np.float64)
