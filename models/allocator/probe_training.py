"""Teaching the probe policy with MaskablePPO, starting from the rule that looks ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from components.policy.belief import Forecast
from components.policy.search_settings import SearchSettings
from models.allocator.nets import ROW_HIDDEN, ProbeNet
from models.allocator.probing_env import ProbingEnv
from models.allocator.surface_arrays import narrow

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from models.allocator.nets import Predictor
    from models.allocator.probing_env import Forecaster
    from models.allocator.surface_arrays import SurfaceArrays

    Progress = Callable[[int, int, str], None]

_WINDOW_SIGMA = 0.005
"""Expected sigma of a window in training, as made-up nodes have it; nodes expect more."""


@dataclass(frozen=True, slots=True)
class ProbeTraining:
    """How long and how the probe policy learns."""

    n_steps: int = 100_000
    """Decisions over all environments; 0 leaves the policy as it is."""
    n_candidates: int = 40
    """Candidates of each surface: fewer than searches have, so that it is faster."""
    n_envs: int = 256
    n_steps_per_env: int = 16
    """Decisions of each environment between updates."""
    batch_size: int = 1024
    n_epochs: int = 4
    learning_rate: float = 1.5e-3
    entropy: float = 0.002
    horizon_weight: float = 0.95
    """λ of the generalised advantage."""


class _RowExtractor(nn.Module):
    """Latents of actor and critic: the logits of the rows, and what is pooled over them."""

    def __init__(self, net: ProbeNet, n_rows: int) -> None:
        super().__init__()
        self.net = net
        self.latent_dim_pi = n_rows
        self.latent_dim_vf = 2 * ROW_HIDDEN

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        rows, mask = _split(features, self.latent_dim_pi)
        logits: Tensor = self.net(rows, mask)
        return logits

    def forward_critic(self, features: Tensor) -> Tensor:
        # the critic must not bend what the actor's layers mean
        return self.net.embed(*_split(features, self.latent_dim_pi))[1].detach()


class RowPolicy(MaskableActorCriticPolicy):
    """An actor whose logits are those of a `ProbeNet`, and a small critic beside it."""

    def __init__(self, *args: Any, net: ProbeNet, **kwargs: Any) -> None:
        self._given = (net,)  # in a tuple: a module may not be held before it is set up
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = _RowExtractor(self._given[0], self.observation_space.shape[0])  # type: ignore[assignment,index]

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()
        critic: Any = nn.Sequential(nn.Linear(2 * ROW_HIDDEN, 32), nn.ReLU(), nn.Linear(32, 1))
        self.value_net = critic
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr_schedule(1), eps=1e-5)


def train_prober(
    net: ProbeNet,
    forecast: Forecaster,
    pool: SurfaceArrays,
    settings: ProbeTraining,
    seed: int,
    progress: Progress,
) -> tuple[float, ...]:
    """Improve the network in place; returns the mean reward of an episode at each update."""
    if settings.n_steps == 0:
        return ()
    pool = narrow(pool, settings.n_candidates)
    careful = SearchSettings(window_sigma=_WINDOW_SIGMA)
    env = ProbingEnv(pool, forecast, n_envs=settings.n_envs, seed=seed, settings=careful)
    ppo = MaskablePPO(
        RowPolicy,
        env,
        learning_rate=lambda left: settings.learning_rate * left,
        n_steps=settings.n_steps_per_env,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=1.0,
        gae_lambda=settings.horizon_weight,
        ent_coef=settings.entropy,
        seed=seed,
        device="cpu",
        policy_kwargs={"net": net, "ortho_init": False},
    )
    watcher = _Watcher(settings.n_steps, progress)
    ppo.learn(settings.n_steps, callback=watcher)
    return tuple(watcher.rewards)


def forecaster(predictor: Predictor) -> Forecaster:
    """Ask the torch predictor the way the node asks its graph."""
    predictor.eval()

    def forecast(
        candidates: NDArray[np.float32],
        probes: NDArray[np.float32],
        probe_mask: NDArray[np.float32],
    ) -> Forecast:
        with torch.no_grad():
            answer = predictor(*map(torch.from_numpy, (candidates, probes, probe_mask)))
        return Forecast(*(value.numpy().astype(np.float64) for value in answer))

    return forecast


def _split(features: Tensor, n_rows: int) -> tuple[Tensor, Tensor]:
    table = features.reshape(features.shape[0], n_rows, -1)
    return table[:, :, :-1], table[:, :, -1]


class _Watcher(BaseCallback):
    """Reports progress, and the mean reward of the episodes that ended since the last update."""

    def __init__(self, n_steps: int, progress: Progress) -> None:
        super().__init__()
        self.rewards: list[float] = []
        self._n_wanted = n_steps
        self._progress = progress
        self._running = np.zeros(0)
        self._ended: list[float] = []

    def _on_step(self) -> bool:
        rewards, dones = self.locals["rewards"], self.locals["dones"]
        if self._running.size == 0:
            self._running = np.zeros(len(rewards))
        self._running += rewards
        self._ended.extend(self._running[dones].tolist())
        self._running[dones] = 0.0
        return True

    def _on_rollout_end(self) -> None:
        if self._ended:
            self.rewards.append(float(np.mean(self._ended)))
        self._ended = []
        done = min(self.num_timesteps, self._n_wanted)
        self._progress(done, self._n_wanted, "training the probe policy")
