import numpy as np
import pandas as pd
import pytest
import torch

from models.allocator.paper import PaperSettings, paper_rows, train_paper_agent
from models.allocator.paper_sweep import SweepError, simulated_sweep

TABLE_2 = [(5.0, 61, 55), (7.0, 25, 25), (10.0, 15, 14), (15.0, 11, 10)]
SHORT = PaperSettings(n_steps_total=8192)


@pytest.mark.parametrize("seed", [0, 1])
def test_one_agent_is_exact_on_all_four_targets_of_the_paper(seed: int) -> None:
    result = train_paper_agent(simulated_sweep(seed=seed), seed=seed)
    chosen = [(row.target_ms, row.n_cpus, row.paper_n_cpus) for row in result.rows]
    assert chosen == TABLE_2
    assert result.n_exact == 4
    assert all(row.meets_target for row in result.rows)
    assert result.n_steps == 98_304


def test_a_seed_learns_the_same_again() -> None:
    sweep = simulated_sweep(seed=2)
    first = train_paper_agent(sweep, seed=2, settings=SHORT)
    again = train_paper_agent(sweep, seed=2, settings=SHORT)
    other = train_paper_agent(sweep, seed=3, settings=SHORT)
    assert first.rows == again.rows
    assert [row.n_cpus for row in first.rows] != [row.n_cpus for row in other.rows]


def test_counts_that_were_not_recorded_are_never_chosen() -> None:
    rows = simulated_sweep(noise=0.0, repeats=1)
    every_third = rows[rows["n_cpus"] % 3 == 0]
    result = train_paper_agent(every_third, [7.0, 10.0], settings=SHORT)
    assert {row.n_cpus % 3 for row in result.rows} == {0}
    assert [row.optimal_n_cpus for row in result.rows] == [27, 15]


def test_a_target_that_nothing_meets_is_reported_as_such() -> None:
    rows = simulated_sweep(noise=0.0, repeats=1)
    row = train_paper_agent(rows, [2.0], settings=SHORT).rows[0]
    assert row.optimal_n_cpus is None
    assert row.paper_n_cpus is None
    assert not row.meets_target
    assert not row.is_exact


def test_training_leaves_torch_as_it_was() -> None:
    before = torch.get_num_threads()
    train_paper_agent(simulated_sweep(), settings=SHORT)
    assert torch.get_num_threads() == before


def test_nothing_is_learned_from_a_damaged_sweep() -> None:
    damaged = pd.DataFrame({"n_cpus": [1, 2], "latency_ms": [3.0, np.inf], "power_w": [1.0, 2.0]})
    with pytest.raises(SweepError, match="row 1"):
        paper_rows(damaged)
