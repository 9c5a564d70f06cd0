import numpy as np
import pandas as pd
import pytest
import torch

from components.madeup.reference_node import ReferenceResponse
from models.allocator.paper import PaperSettings, train_paper_agent
from models.allocator.paper_sweep import PaperSweep, average_sweep, true_sweep

TABLE_2 = [(5.0, 61, 55), (7.0, 25, 25), (10.0, 15, 14), (15.0, 11, 10)]
SHORT = PaperSettings(n_steps_total=8192)


@pytest.mark.parametrize("seed", [0, 1])
def test_one_agent_is_exact_on_all_four_targets_of_the_paper(simulate, seed: int) -> None:
    sweep = average_sweep(simulate(seed=seed))
    truth = true_sweep(ReferenceResponse(), sweep.n_cpus)
    result = train_paper_agent(sweep, seed=seed, truth=truth)
    chosen = [(row.target_ms, row.n_cpus, row.paper_n_cpus) for row in result.rows]
    assert chosen == TABLE_2
    assert result.n_exact == 4
    assert all(row.meets_target for row in result.rows)
    assert result.n_steps == 49_152


def test_an_optimum_anywhere_is_found() -> None:
    """Environments whose best action is known and lies at the ends as well as between them."""
    counts = np.arange(1, 41)
    sweep = PaperSweep(counts, 80.0 / counts, 50.0 + 3.0 * counts)
    targets_ms = [80.0, 16.0, 5.0, 2.0]
    result = train_paper_agent(sweep, targets_ms, seed=3)
    assert [row.n_cpus for row in result.rows] == [1, 5, 16, 40]


def test_a_seed_learns_the_same_again(simulate) -> None:
    sweep = average_sweep(simulate(seed=2))
    first = train_paper_agent(sweep, seed=2, settings=SHORT)
    again = train_paper_agent(sweep, seed=2, settings=SHORT)
    other = train_paper_agent(sweep, seed=3, settings=SHORT)
    assert first.rows == again.rows
    assert [row.n_cpus for row in first.rows] != [row.n_cpus for row in other.rows]


def test_a_miss_is_one_by_the_true_latency_not_by_what_was_read() -> None:
    """Telemetry that flatters an allocation does not hide that it misses."""
    counts = np.arange(1, 5)
    power_w = np.asarray([50.0, 60.0, 70.0, 80.0])
    read = PaperSweep(counts, np.asarray([9.0, 6.9, 6.0, 5.0]), power_w)
    truth = PaperSweep(counts, np.asarray([9.0, 7.1, 6.0, 5.0]), power_w)
    row = train_paper_agent(read, [7.0], truth=truth).rows[0]
    assert (row.n_cpus, row.optimal_n_cpus) == (2, 3)
    assert row.latency_ms == 7.1
    assert not row.meets_target


def test_counts_that_were_not_recorded_are_never_chosen(simulate) -> None:
    rows = simulate(noise=0.0, repeats=1)
    every_third = average_sweep(rows[rows["n_cpus"] % 3 == 0])
    result = train_paper_agent(every_third, [7.0, 10.0], settings=SHORT)
    assert {row.n_cpus % 3 for row in result.rows} == {0}
    assert [row.optimal_n_cpus for row in result.rows] == [27, 15]


def test_a_target_that_nothing_meets_is_reported_as_such(simulate) -> None:
    sweep = average_sweep(simulate(noise=0.0, repeats=1))
    row = train_paper_agent(sweep, [2.0], settings=SHORT).rows[0]
    assert row.optimal_n_cpus is None
    assert row.paper_n_cpus is None
    assert not row.meets_target
    assert not row.is_exact


def test_training_leaves_torch_as_it_was(simulate) -> None:
    before = torch.get_num_threads()
    train_paper_agent(average_sweep(simulate()), settings=SHORT)
    assert torch.get_num_threads() == before


def test_equal_cpus_are_one_action_however_they_are_numbered(simulate) -> None:
    """What was recorded in another order of CPUs and rows teaches the same."""
    rows = simulate(seed=4)
    mixed = pd.concat([rows[rows["n_cpus"] > 50], rows[rows["n_cpus"] <= 50]])
    first = train_paper_agent(average_sweep(rows), seed=4, settings=SHORT)
    second = train_paper_agent(average_sweep(mixed), seed=4, settings=SHORT)
    assert [row.n_cpus for row in first.rows] == [row.n_cpus for row in second.rows]
