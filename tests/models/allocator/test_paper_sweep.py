import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.madeup.reference_node import ReferenceResponse, jittered_parameters
from models.allocator.paper_sweep import (
    SweepError,
    average_sweep,
    equation_1,
    sweep_of_surface,
    training_reward,
    true_sweep,
)
from models.allocator.surfaces import compile_surfaces

ROW = st.tuples(st.floats(1.0, 200.0), st.floats(50.0, 500.0))


def _sweep(rows: list[tuple[float, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(n + 1, latency, power) for n, (latency, power) in enumerate(rows)],
        columns=["n_cpus", "latency_ms", "power_w"],
    )


def test_missing_the_target_outweighs_any_power_saving() -> None:
    rewards = equation_1([7.1, 7.0], [90.0, 388.0], 7.0)
    assert rewards[0] == -100.0
    assert rewards[1] == pytest.approx(-np.sqrt(388.0))
    assert rewards[0] < rewards[1]


@given(rows=st.lists(ROW, min_size=2, max_size=30), target_ms=st.floats(1.0, 200.0))
def test_the_training_reward_has_the_argmax_of_equation_1(
    rows: list[tuple[float, float]], target_ms: float
) -> None:
    sweep = average_sweep(_sweep(rows))
    paper = equation_1(sweep.latency_ms, sweep.power_w, target_ms)
    trained = training_reward(sweep, [target_ms])[0]
    best = sweep.best_action(target_ms)
    if best is None:
        assert (paper == -100.0).all()
        assert np.unique(trained).size == 1
    else:
        assert paper[best] == paper.max()
        assert trained[best] == trained.max()
        missed = sweep.latency_ms > target_ms
        assert (trained[missed] < trained[~missed].min()).all()


def test_the_training_reward_on_the_paper_s_range_is_the_one_published() -> None:
    sweep = average_sweep(_sweep([(115.0, 90.0), (4.0, 388.0)]))
    np.testing.assert_allclose(training_reward(sweep, [7.0]), [[-2.0, -np.log(388.0 / 90.0)]])


def test_repeats_are_averaged_whatever_their_order(simulate) -> None:
    rows = simulate(seed=1, noise=0.01, repeats=3)
    shuffled = rows.sample(frac=1.0, random_state=2)
    first, second = average_sweep(rows), average_sweep(shuffled)
    np.testing.assert_allclose(first.latency_ms, second.latency_ms)
    assert first.n_cpus.tolist() == list(range(1, 101))
    of_25 = rows.loc[rows["n_cpus"] == 25, "latency_ms"]
    assert first.latency_ms[24] == pytest.approx(of_25.mean())


def test_averaging_brings_the_optimum_back_under_noise(simulate) -> None:
    sweep = average_sweep(simulate(seed=4, noise=0.01, repeats=20))
    best = [sweep.best_action(target_ms) for target_ms in (5.0, 7.0, 10.0, 15.0)]
    assert [sweep.n_cpus[row] for row in best if row is not None] == [61, 25, 15, 11]


def test_a_count_that_only_seems_to_meet_the_target_is_not_the_best(make_row) -> None:
    """Its mean lies below the target, but not by two standard errors."""
    latency = {1: (9.0, 9.1, 9.0), 2: (7.0, 6.93, 7.0), 3: (5.0, 5.1, 5.0)}
    rows = [
        make_row(i, "x-1s4c4t-0", "m", n, latency[n][i // 3], 40.0 + 10.0 * n)
        for i, n in enumerate((1, 2, 3) * 3)
    ]
    sweep = sweep_of_surface(compile_surfaces(pd.DataFrame(rows))[0])
    assert sweep.latency_ms[1] < 6.99 < sweep.surely_ms[1]
    best = sweep.best_action(6.99)
    assert best is not None
    assert sweep.n_cpus[best] == 3
    assert training_reward(sweep, [6.99])[0].argmax() == 2


def test_the_truth_is_that_of_the_node_that_was_recorded() -> None:
    usual = true_sweep(ReferenceResponse(), [25])
    other = true_sweep(ReferenceResponse(parameters=jittered_parameters(1)), [25])
    assert usual.latency_ms[0] == pytest.approx(6.806, abs=5e-4)
    assert other.latency_ms[0] != usual.latency_ms[0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: rows.drop(columns="power_w"), "no power_w"),
        (lambda rows: rows.assign(latency_ms=rows["latency_ms"] - 100.0), "no positive number"),
        (lambda rows: rows.assign(power_w=np.nan), "no positive number"),
        (lambda rows: rows.assign(power_w="much"), "no positive number"),
        (lambda rows: rows[rows["n_cpus"] == 3], "1 CPU counts"),
        (lambda rows: rows[:0], "0 CPU counts"),
    ],
)
def test_a_damaged_sweep_is_refused_with_the_reason(simulate, damage, message: str) -> None:
    with pytest.raises(SweepError, match=message):
        average_sweep(damage(simulate()))
