"""The interval covers a known truth as often as it says, and nothing is claimed from nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from components.madeup.reference_node import power_w
from models.savings.effect import LEAST_BLOCKS, effect_at_equal_load

N_RUNS = 1000
N_BLOCKS = 600
"""Two days of blocks of five minutes."""

Blocks = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def made_up_blocks(seed: int, *, saves: bool, share: float = 0.05) -> tuple[*Blocks, float]:
    """Blocks of the simulated reference node under a daily load: watts, loads, arms, the truth."""
    rng = np.random.default_rng(seed)
    load = 100 + 60 * np.sin(np.arange(N_BLOCKS) / 46) + rng.normal(0, 8, N_BLOCKS)
    idle, all_cpus = 76.0, float(power_w([100])[0])
    n_cpus = 25 if saves else 100
    use = load / 170

    def watts(full: float) -> NDArray[np.float64]:
        return np.asarray(idle + (full - idle) * use**0.9)

    is_treated = rng.random(N_BLOCKS) >= share
    with_policy, without = watts(float(power_w([n_cpus])[0])), watts(all_cpus)
    values = np.where(is_treated, with_policy, without) + rng.normal(0, 4, N_BLOCKS)
    return values, load, is_treated, float((without - with_policy).mean())


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_the_interval_covers_the_truth_in_93_to_97_of_100_runs(share: float) -> None:
    n_covered = n_runs = 0
    for seed in range(N_RUNS):
        values, load, is_treated, truth = made_up_blocks(seed, saves=True, share=share)
        effect = effect_at_equal_load(values, load, is_treated)
        assert effect is not None
        low, high = effect.interval()
        n_covered += low <= truth <= high
        n_runs += 1
    assert 0.93 <= n_covered / n_runs <= 0.97


def test_without_a_saving_one_is_claimed_in_at_most_5_of_100_runs() -> None:
    claims = 0
    for seed in range(N_RUNS):
        values, load, is_treated, truth = made_up_blocks(seed, saves=False)
        assert truth == 0.0
        effect = effect_at_equal_load(values, load, is_treated)
        assert effect is not None
        claims += effect.interval()[0] > 0.0
    assert claims / N_RUNS <= 0.05


def test_adjusting_for_load_makes_the_interval_narrow() -> None:
    values, load, is_treated, _ = made_up_blocks(0, saves=True)
    adjusted = effect_at_equal_load(values, load, is_treated)
    plain = effect_at_equal_load(values, np.zeros_like(load), is_treated)
    assert adjusted is not None
    assert plain is not None
    assert adjusted.standard_error < plain.standard_error / 3


def test_few_blocks_are_no_answer() -> None:
    values, load, is_treated, _ = made_up_blocks(0, saves=True)
    few = np.flatnonzero(~is_treated)[: LEAST_BLOCKS - 1]
    rows = np.concatenate([np.flatnonzero(is_treated), few])
    assert effect_at_equal_load(values[rows], load[rows], is_treated[rows]) is None
