import numpy as np

from models.allocator.paper_naive import train_naively
from models.allocator.paper_sweep import PaperSweep


def test_one_agent_a_target_is_trained_and_judged_by_the_truth():
    counts = np.arange(1, 9)
    sweep = PaperSweep(counts, 8.0 / counts, 50.0 + 5.0 * counts)
    told = []
    rows = train_naively(
        sweep, sweep, [8.0, 2.0], n_steps=600, progress=lambda *what: told.append(what)
    )
    assert [(n.algorithm, n.row.target_ms) for n in rows] == [
        ("PPO", 8.0), ("PPO", 2.0), ("DQN", 8.0), ("DQN", 2.0)
    ]  # fmt: skip
    assert [n.row.optimal_n_cpus for n in rows] == [1, 4, 1, 4]
    assert all(n.row.meets_target == (8.0 / n.row.n_cpus <= n.row.target_ms) for n in rows)
    assert all(n.cpu_s > 0.05 for n in rows)
    assert [done for done, *_ in told] == [0, 1, 2, 3]
