"""The probing environment: from predictions and what was measured, choose the next probe or commit.

Observation, per environment: Box (17, 25), float32
    columns 0 to 23   `components.policy.belief.ROW_FEATURES`, their names, units and ranges
    column  24        1 where the row may be chosen, 0 where not
Action: Discrete(17)
    0 to 9            the cheapest candidate that keeps the target with P ≥ .1, .2, … .99
    10 to 15          the six best by expected improvement
    16                commit to the incumbent: the episode ends
Reward, with φ = .02 ln(1 + regret / .005) of the incumbent by true power:
    50 (φ before - φ after - .002 [the probe truly misses the target] - .0005), and -15 at the end
    when the incumbent truly misses the target.
Episode: begins after the widest candidates were read, as every search does; those that keep no
target there are drawn anew. Ends with commit, with the twelfth probe, or the second unsafe one.

The code that believes, accepts and lays rows is the one that runs on nodes.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from components.policy.belief import believe
from components.policy.evidence import Evidence, Readings, add_readings, judge, no_evidence
from components.policy.rows import COMMIT, N_ROWS, ROW_FEATURES, Situation, Spent, lay_rows
from components.policy.search_settings import SearchSettings
from models.allocator.probing_reward import (
    MISS_COST,
    PROBE_COST,
    REWARD_SCALE,
    UNSAFE_COST,
    Outcome,
    draw_targets,
    potential,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

    from components.policy.belief import Forecast
    from models.allocator.surface_arrays import SurfaceArrays

    Forecaster = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], Forecast]

_NOISE_FACTORS = (0.3, 1.0, 1.0, 2.0)
_ALLOWED_FACTORS = (1.0, 1.0, 0.4)
"""Of the least P(feasible): a third of the jobs' operators allow more."""


class ProbingEnv(VecEnv):
    """N searches at once, each on a surface drawn from a pool; finished ones begin anew."""

    render_mode: str | None = None

    def __init__(
        self,
        pool: SurfaceArrays,
        forecaster: Forecaster,
        *,
        n_envs: int,
        seed: int,
        settings: SearchSettings | None = None,
    ) -> None:
        shape = (N_ROWS, len(ROW_FEATURES) + 1)
        low = np.asarray([spec.low for spec in ROW_FEATURES] + [0.0], dtype=np.float32)
        high = np.asarray([spec.high for spec in ROW_FEATURES] + [1.0], dtype=np.float32)
        super().__init__(
            n_envs,
            spaces.Box(np.broadcast_to(low, shape), np.broadcast_to(high, shape)),
            spaces.Discrete(N_ROWS),
        )
        self._pool = pool
        self._chance = pool.weight / pool.weight.sum()
        self._forecaster = forecaster
        self._settings = settings or SearchSettings()
        self._rng = np.random.default_rng(seed)
        self.reset()

    def reset(self) -> VecEnvObs:
        """Begin all searches anew."""
        self._begin(np.arange(self.num_envs))
        self._look()
        return self._observation()

    def step_async(self, actions: NDArray[np.intp]) -> None:
        """Take the actions of all searches."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Do them."""
        before = potential(self._regret())
        probing = np.flatnonzero(self._actions != COMMIT)
        unsafe = np.zeros(self.num_envs, dtype=np.bool_)
        if probing.size:
            candidates = self._rows.candidates[probing, self._actions[probing]]
            unsafe[probing] = self._misses(probing, candidates)
            self._probe(probing, candidates)
        cost = UNSAFE_COST * unsafe + PROBE_COST * (self._actions != COMMIT)
        rewards = REWARD_SCALE * (before - potential(self._regret()) - cost)
        self._unsafe += unsafe
        over = (self._verdicts.over & self._narrowed).sum(axis=1)
        dones = self._actions == COMMIT
        dones |= self._probes >= self._settings.max_probes
        dones |= over >= self._settings.max_unsafe_probes
        rewards -= MISS_COST * (dones & self._incumbent_misses())
        infos = self._infos(dones)
        if dones.any():
            self._begin(np.flatnonzero(dones))
        self._look()
        return self._observation(), rewards.astype(np.float32), dones, infos

    def action_masks(self) -> NDArray[np.bool_]:
        """Shape (N, 17): rows that may be chosen."""
        return self._rows.mask

    def close(self) -> None:
        """Nothing is held."""

    def has_attr(self, attr_name: str) -> bool:
        """Whether there is such an attribute; the one asked for is `action_masks`."""
        return hasattr(self, attr_name)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """One attribute, the same for every search."""
        return [getattr(self, attr_name)] * len(self._where(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:  # noqa: ARG002
        """Set one attribute of all searches at once."""
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method that answers for all searches; one answer each."""
        answers = getattr(self, method_name)(*args, **kwargs)
        return [answers[i] for i in self._where(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:  # noqa: ARG002
        """No search is wrapped."""
        return [False] * len(self._where(indices))

    @property
    def _target_log(self) -> NDArray[np.float64]:
        return self._surfaces.target_log.astype(np.float64)

    def _where(self, indices: Any) -> Sequence[int]:
        return range(self.num_envs) if indices is None else np.atleast_1d(indices).tolist()

    def _begin(self, rows: NDArray[np.intp]) -> None:
        """Draw surfaces for some searches until their widest candidates keep the target."""
        if not hasattr(self, "_surfaces"):
            self._surfaces = self._draw(self.num_envs)
            self._least_p = np.full(self.num_envs, self._settings.min_p_feasible)
            self._start_over(rows)
        left = rows
        while left.size:
            drawn = self._draw(left.size)
            for field in fields(drawn):
                getattr(self._surfaces, field.name)[left] = getattr(drawn, field.name)
            self._start_over(left)
            factors = self._rng.choice(_ALLOWED_FACTORS, left.size)
            self._least_p[left] = self._settings.min_p_feasible * factors
            self._probe(left, np.zeros_like(left))
            failed = left[self._verdicts.incumbent[left] < 0]
            if failed.size:
                self._probe(failed, np.ones_like(failed))
            left = left[self._verdicts.incumbent[left] < 0]
        self._narrowed[rows] = ~self._evidence.measured[rows]

    def _draw(self, n: int) -> SurfaceArrays:
        drawn = self._pool.take(self._rng.choice(len(self._pool), n, p=self._chance))
        noise = drawn.noise * self._rng.choice(_NOISE_FACTORS, n).astype(np.float32)
        return replace(drawn, noise=noise, target_log=draw_targets(drawn, self._rng))

    def _start_over(self, rows: NDArray[np.intp]) -> None:
        n_candidates = self._surfaces.n_cpus.shape[1]
        fresh = no_evidence(np.full(rows.size, self._settings.window_sigma), n_candidates)
        if rows.size == self.num_envs:
            self._evidence = fresh
            self._order = np.full((self.num_envs, self._settings.max_probes + 2), -1)
            self._probes = np.zeros(self.num_envs, dtype=np.intp)
            self._unsafe = np.zeros(self.num_envs, dtype=np.intp)
            self._narrowed = np.ones((self.num_envs, n_candidates), dtype=np.bool_)
        else:
            for field in fields(Evidence):
                getattr(self._evidence, field.name)[rows] = getattr(fresh, field.name)
            self._order[rows], self._probes[rows], self._unsafe[rows] = -1, 0, 0
        self._verdicts = judge(self._evidence, self._target_log)

    def _probe(self, rows: NDArray[np.intp], candidates: NDArray[np.intp]) -> None:
        noise = self._surfaces.noise[rows]
        readings = Readings(
            searches=rows,
            candidates=candidates,
            latency_log=self._surfaces.latency_log[rows, candidates]
            + noise * self._rng.normal(size=rows.size),
            power_log=self._surfaces.power_log[rows, candidates]
            + 0.5 * noise * self._rng.normal(size=rows.size),
            n_windows=np.ones(rows.size),
            ruled_out=np.zeros(rows.size, dtype=np.bool_),
        )
        fresh = ~self._evidence.measured[rows, candidates]
        n_known = (self._order[rows] >= 0).sum(axis=1)
        self._order[rows[fresh], n_known[fresh]] = candidates[fresh]
        self._evidence = add_readings(self._evidence, readings)
        self._probes[rows] += 1
        self._verdicts = judge(self._evidence, self._target_log)

    def _look(self) -> None:
        """Predict, and lay out what can be done next."""
        width = int((self._order >= 0).sum(axis=1).max())
        order = self._order[:, :width]
        at, seen = np.arange(self.num_envs)[:, np.newaxis], np.maximum(order, 0)
        values = (self._evidence.latency_log[at, seen], self._evidence.power_log[at, seen])
        readings = np.stack(values, axis=2).astype(np.float32)
        probes = np.concatenate([self._surfaces.features[at, seen], readings], axis=2)
        forecast = self._forecaster(
            self._surfaces.features, probes, (order >= 0).astype(np.float32)
        )
        belief = believe(forecast, self._evidence, self._target_log)
        self._rows = lay_rows(
            Situation(
                belief=belief,
                evidence=self._evidence,
                verdicts=self._verdicts,
                spent=self._spent(),
                n_cpus=self._surfaces.n_cpus.astype(np.float64),
                eligible=self._surfaces.known & (belief.p_feasible >= self._least_p[:, np.newaxis]),
            )
        )

    def _spent(self) -> Spent:
        over = (self._verdicts.over & self._narrowed).sum(axis=1)
        return Spent(
            self._probes.astype(np.float64),
            over.astype(np.float64),
            (self._settings.max_unsafe_probes - over).astype(np.float64),
            (self._settings.max_probes - self._probes).astype(np.float64),
        )

    def _observation(self) -> NDArray[np.float32]:
        mask = self._rows.mask[:, :, np.newaxis].astype(np.float32)
        return np.concatenate([self._rows.features, mask], axis=2)

    def _misses(self, rows: NDArray[np.intp], candidates: NDArray[np.intp]) -> NDArray[np.bool_]:
        latency = self._surfaces.latency_log[rows, candidates]
        return np.asarray(latency > self._surfaces.target_log[rows])

    def _incumbent_misses(self) -> NDArray[np.bool_]:
        return self._misses(np.arange(self.num_envs), self._verdicts.incumbent)

    def _regret(self) -> NDArray[np.float64]:
        """True excess of the incumbents' power over the best there is; shape (N,)."""
        feasible = self._surfaces.known & (
            self._surfaces.latency_log <= self._surfaces.target_log[:, np.newaxis]
        )
        power = self._surfaces.power_log.astype(np.float64)
        best = np.where(feasible, power, np.inf).min(axis=1)
        chosen = power[np.arange(self.num_envs), self._verdicts.incumbent]
        return np.where(np.isfinite(best), np.expm1(chosen - best), 0.0)

    def _infos(self, dones: NDArray[np.bool_]) -> list[dict[str, Any]]:
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if not dones.any():
            return infos
        regret, misses = self._regret(), self._incumbent_misses()
        observation = self._observation()
        for i in np.flatnonzero(dones):
            infos[i]["terminal_observation"] = observation[i]
            infos[i]["outcome"] = Outcome(
                float(regret[i]), bool(misses[i]), int(self._probes[i]), int(self._unsafe[i])
            )
        return infos
