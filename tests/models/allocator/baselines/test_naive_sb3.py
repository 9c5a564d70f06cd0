import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from stable_baselines3.common.env_checker import check_env as check_sb3

from models.allocator.arena import Reading, run
from models.allocator.baselines.naive_sb3 import NaiveSb3, ReadingEnv


@pytest.fixture
def env(make_case):
    case = make_case(20.0)

    def read(candidate, confirm_windows=0):
        return Reading(2.0 + 98.0 / candidate.n_cpus, 50.0 + 5.0 * candidate.n_cpus)

    return ReadingEnv(case.task, read)


def test_both_checkers_accept_the_environment(env):
    check_gymnasium(env, skip_render_check=True)
    check_sb3(env)


def test_the_reward_is_equation_1(env):
    env.reset()
    assert env.step(0)[1] == -100.0
    assert env.step(31)[1] == pytest.approx(-(210.0**0.5))


@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
def test_every_step_of_training_is_a_probe_and_the_cpu_time_is_counted(make_case, algorithm):
    contender = NaiveSb3(algorithm, 300)
    result = run(contender, make_case(20.0))
    assert contender.name == f"naive SB3 {algorithm}"
    assert result.probes >= 300
    assert result.cpu_ms > 10.0
