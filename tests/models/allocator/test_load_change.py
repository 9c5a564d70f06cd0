from __future__ import annotations

from dataclasses import replace

import pytest

from components.madeup.populations import draw
from components.policy.brain import load_brain
from components.policy.default_bundle import default_bundle
from models.allocator.load_change import change_loads, load_line, summarise_loads


@pytest.fixture(scope="module")
def brain():
    return load_brain(default_bundle())


@pytest.fixture(scope="module")
def changes(brain):
    return change_loads(brain, draw("usl", 12, 20), 0.003, 0)


def test_most_jobs_are_back_soon_and_none_settles_on_a_miss(changes):
    assert len(changes) >= 10
    assert not any(change.violated for change in changes)
    assert sum(change.windows_back <= 2 for change in changes) >= 0.9 * len(changes)
    assert any(change.frozen_misses for change in changes)
    for change in changes:
        assert 0.8 <= change.factor <= 1.25
        assert change.regret >= 0.0
        assert change.unsafe <= change.probes <= 12
        assert (change.windows_back > 0) == change.frozen_misses


def test_a_summary_is_the_mean_over_jobs(changes):
    summary = summarise_loads(changes)
    assert summary.n_jobs == len(changes)
    probes = [change.probes for change in changes]
    assert summary.probes_mean == pytest.approx(sum(probes) / len(probes))
    late = summarise_loads([replace(change, windows_back=3) for change in changes])
    assert late.back_share == 0.0
    assert f"{len(changes)} jobs" in load_line(summary)


def test_nodes_that_can_never_keep_their_target_are_left_out(brain):
    surfaces = [s.with_target(1e-6) for s in draw("usl", 12, 2)]
    assert change_loads(brain, surfaces, 0.0, 0) == ()
    assert summarise_loads(()) is None
    assert "no job" in load_line(None)


def test_the_same_seed_gives_the_same_changes(brain, changes):
    assert change_loads(brain, draw("usl", 12, 20)[:3], 0.003, 0) != ()
    again = change_loads(brain, draw("usl", 12, 20), 0.003, 0)
    assert again == changes
