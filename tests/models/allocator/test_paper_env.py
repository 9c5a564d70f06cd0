import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_by_gymnasium
from stable_baselines3.common.env_checker import check_env as check_by_sb3

from models.allocator.paper_env import PaperEnv, PaperTask, PaperVecEnv
from models.allocator.paper_sweep import PaperSweep, average_sweep

TARGETS_MS = (5.0, 7.0, 10.0, 15.0)


@pytest.fixture(scope="module")
def sweep(simulate) -> PaperSweep:
    return average_sweep(simulate(noise=0.0, repeats=1))


def test_the_single_environment_passes_both_checkers(sweep: PaperSweep) -> None:
    check_by_sb3(PaperEnv(sweep, TARGETS_MS), warn=True)
    check_by_gymnasium(PaperEnv(sweep, TARGETS_MS), skip_render_check=True)


def test_the_single_environment_reports_equation_1(sweep: PaperSweep) -> None:
    env = PaperEnv(sweep, [7.0])
    env.reset(seed=0)
    *_, info = env.step(np.int64(24))
    assert info["equation_1"] == pytest.approx(-np.sqrt(215.87887))
    *_, info = env.step(np.int64(23))
    assert info["equation_1"] == -100.0


def test_an_observation_is_laid_out_as_its_table_says(sweep: PaperSweep) -> None:
    task = PaperTask(sweep, TARGETS_MS)
    observations = task.observe(np.array([0, 2]), np.array([0, 99]))
    np.testing.assert_allclose(
        observations, [[1, 0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 1, 1]], atol=1e-3
    )
    assert observations.dtype == np.float32
    assert task.observation_space.contains(observations[0])


def test_many_in_step_answer_like_the_single_one(sweep: PaperSweep) -> None:
    many = PaperVecEnv(sweep, TARGETS_MS, n_envs=64, seed=1)
    before = np.asarray(many.reset())
    actions = np.random.default_rng(2).integers(100, size=64)
    after, rewards, dones, infos = many.step(actions)
    assert dones.all()
    assert len(infos) == 64
    task = PaperTask(sweep, TARGETS_MS)
    targets = before[:, :4].argmax(axis=1)
    np.testing.assert_allclose(rewards, task.rewards[targets, actions], rtol=1e-6)
    np.testing.assert_allclose(
        np.asarray(after)[:, 4:], task.observe(targets, actions)[:, 4:], rtol=1e-6
    )
    many.close()


def test_many_in_step_repeat_by_seed(sweep: PaperSweep) -> None:
    first, second, other = (
        np.asarray(PaperVecEnv(sweep, TARGETS_MS, n_envs=32, seed=seed).reset())
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_each_target_is_asked_for_as_often(sweep: PaperSweep) -> None:
    env = PaperVecEnv(sweep, TARGETS_MS, n_envs=4000, seed=5)
    shares = np.asarray(env.reset())[:, :4].mean(axis=0)
    np.testing.assert_allclose(shares, 0.25, atol=0.03)
