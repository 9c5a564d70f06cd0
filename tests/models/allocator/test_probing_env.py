from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from components.policy.belief import Forecast
from components.policy.rows import COMMIT, ROW_FEATURES
from components.policy.search_settings import SearchSettings
from models.allocator.nets import N_FEATURES, ProbeNet
from models.allocator.probe_training import ProbeTraining, train_prober
from models.allocator.probing_env import ProbingEnv
from models.allocator.probing_reward import MISS_COST, REWARD_SCALE, potential
from models.allocator.seeding import make_repeatable
from models.allocator.surface_arrays import pack

N = 16
P_FEASIBLE = 3  # column of the row features


def ideal_pool(n_surfaces=32, noise=1e-4):
    """Jobs of 100 ms on 1 to 16 CPUs that scale perfectly; each CPU more costs 5 W above 50."""
    counts = np.asarray([N, N // 2, *(n for n in range(1, N) if n != N // 2)], dtype=np.float32)
    features = np.zeros((N, N_FEATURES), dtype=np.float32)
    features[:, 0] = np.log(counts)
    column = (features, np.log(100.0 / counts), np.log(50.0 + 5.0 * counts), counts)
    targets = np.log(np.linspace(7.0, 90.0, n_surfaces)).astype(np.float32)
    ones = np.ones(n_surfaces, dtype=np.float32)
    return pack([column] * n_surfaces, targets, noise * ones, ones)


def ideal_forecast(candidates, probes, probe_mask):
    """What a perfect predictor would say of the ideal pool."""
    log_n = candidates[:, :, 0].astype(np.float64)
    sigma = np.full_like(log_n, 0.02)
    return Forecast(np.log(100.0) - log_n, sigma, np.log(50.0 + 5.0 * np.exp(log_n)), sigma)


def make_env(n_envs=8, **changes):
    settings = SearchSettings(window_sigma=0.001)
    return ProbingEnv(
        replace(ideal_pool(), **changes), ideal_forecast, n_envs=n_envs, seed=0, settings=settings
    )


def roll(env, choose, n_steps=60):
    """Outcomes and returns of the episodes that end while rows are chosen by a function."""
    observation = env.reset()
    outcomes, returns, running = [], [], np.zeros(env.num_envs)
    for _ in range(n_steps):
        observation, rewards, dones, infos = env.step(choose(observation, env.action_masks()))
        running += rewards
        outcomes += [info["outcome"] for info in infos if "outcome" in info]
        returns += running[dones].tolist()
        running[dones] = 0.0
    return outcomes, returns


def commit(observation, masks):
    return np.full(len(observation), COMMIT)


def best_logit(net):
    def choose(observation, masks):
        table = torch.from_numpy(observation)
        with torch.no_grad():
            logits = net(table[:, :, :-1], table[:, :, -1]).numpy()
        return np.where(masks, logits, -np.inf).argmax(axis=1)

    return choose


def test_observations_keep_the_stated_shape_and_ranges():
    env, rng = make_env(), np.random.default_rng(0)
    observation = env.reset()
    for _ in range(40):
        assert env.observation_space.contains(observation[0])
        assert observation.shape == (8, COMMIT + 1, len(ROW_FEATURES) + 1)
        masks = env.action_masks()
        np.testing.assert_array_equal(observation[:, :, -1] > 0, masks)
        assert masks[:, COMMIT].all()
        observation, rewards, _, _ = env.step(
            np.asarray([rng.choice(np.flatnonzero(mask)) for mask in masks])
        )
        assert np.isfinite(rewards).all()


def test_masks_are_served_the_way_the_training_library_asks():
    env = make_env()
    assert env.has_attr("action_masks")
    np.testing.assert_array_equal(np.stack(env.env_method("action_masks")), env.action_masks())


def test_the_same_seed_gives_the_same_episodes():
    def first_rows(observation, masks):
        return masks.argmax(axis=1)

    assert roll(make_env(), first_rows) == roll(make_env(), first_rows)


def test_committing_at_once_keeps_the_widest_and_pays_nothing():
    outcomes, returns = roll(make_env(), commit, 5)
    assert {outcome.probes for outcome in outcomes} <= {1, 2}
    assert not any(outcome.violated for outcome in outcomes)
    assert max(map(abs, returns)) == 0.0


@given(st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_less_power_is_always_worth_more(one, other):
    low, high = sorted((one, other))
    assert potential(np.asarray(low)) <= potential(np.asarray(high))


@given(st.floats(0.0, 1000.0))
def test_missing_the_target_outweighs_any_power_saving(regret):
    assert REWARD_SCALE * potential(np.asarray(regret)) < MISS_COST


def test_an_untrained_policy_looks_ahead():
    make_repeatable(0)
    outcomes, _ = roll(make_env(64), best_logit(ProbeNet()))
    assert np.mean([outcome.regret for outcome in outcomes]) < 0.01


def test_it_learns_to_probe_where_that_pays_and_to_stop_where_it_does_not():
    """From a policy that always commits, to the known optimum: the cheapest that is feasible."""
    make_repeatable(0)
    net = ProbeNet()
    net.prior.zero_()
    net.prior[P_FEASIBLE] = -4.0
    lazy = ProbeNet()
    lazy.load_state_dict(net.state_dict())
    settings = ProbeTraining(n_steps=16_384, n_envs=64, batch_size=512, learning_rate=5e-3)
    pool = ideal_pool(noise=1e-3)
    train_prober(net, ideal_forecast, pool, settings, 0, lambda done, total, text: None)
    trained, gained = roll(make_env(64), best_logit(net))
    _, had = roll(make_env(64), best_logit(lazy))
    assert np.mean(had) == 0.0
    assert np.mean(gained) > 1.0
    assert np.mean([outcome.regret for outcome in trained]) < 0.01
    assert np.mean([outcome.probes for outcome in trained]) < 5.0
    assert not any(outcome.violated for outcome in trained)


@pytest.mark.parametrize("n_steps", [0])
def test_no_steps_leave_the_policy_as_it_is(n_steps):
    net = ProbeNet()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    settings = ProbeTraining(n_steps=n_steps)
    assert train_prober(net, ideal_forecast, ideal_pool(), settings, 0, lambda *_: None) == ()
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
