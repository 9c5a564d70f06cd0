"""Which servers are read in which tick."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from components.executor.turns import ALL_AT_ONCE
from components.madeup.job import MadeUpJob
from components.madeup.node import MadeUpNode, job_labels
from components.madeup.reference_node import ReferenceResponse, reference_table
from components.madeup.state import NodeCharacter

N_JOBS = 40
WINDOW_S = 10.0


@pytest.fixture
def watch(make_rig, tmp_path):
    """Watch a made-up crowd for a while; in which ticks each of its pages was read."""

    def watch(n_jobs, n_ticks, *silent):
        labels = {**job_labels(50.0, model="resnet"), "joulepilot.mode": "recommend"}
        jobs = [
            MadeUpJob(
                name=f"job-{number}", response=ReferenceResponse(), rate_per_s=50.0, labels=labels
            )
            for number in range(n_jobs)
        ]
        rig = make_rig()
        character = NodeCharacter(reference_table().topology, 76.0, 0, 0.002)
        rig.node = MadeUpNode(tmp_path / "crowd", character, jobs, name="crowd")
        rig.settings = replace(rig.settings, window_s=WINDOW_S)
        rig.start()
        for name in silent:
            rig.node.silence(name)
        reads = []
        for at in range(n_ticks):
            rig.run(1)
            now_s = rig.node.clock.monotonic_s() - 1.0
            runs = rig.executor.runs
            reads += [(at, run.name) for run in runs if run.observer.read_at_s == now_s]
        return rig, reads

    return watch


def test_the_pages_of_many_jobs_are_spread_over_the_length_of_a_window(watch):
    rig, reads = watch(N_JOBS, 60)

    per_tick = Counter(at for at, _ in reads)
    per_job = Counter(name for _, name in reads)
    assert max(per_tick.values()) <= N_JOBS / WINDOW_S + 1
    assert set(per_job) == {run.name for run in rig.executor.runs}
    assert min(per_job.values()) >= 5  # six windows began, and a round of waiting
    lengths = [sample.window_s for sample in rig.samples]
    assert min(lengths) >= WINDOW_S
    assert max(lengths) <= WINDOW_S + 1


def test_few_jobs_are_all_read_in_the_same_tick(watch):
    _, reads = watch(ALL_AT_ONCE, 25)

    per_tick = Counter(at for at, _ in reads)
    assert set(per_tick.values()) == {ALL_AT_ONCE}
    assert sorted(per_tick) == [0, 10, 20]


def test_servers_that_keep_silent_take_nobodys_turn_for_long(watch):
    silent = [f"job-{number}" for number in range(20)]
    rig, _ = watch(N_JOBS, 60, *silent)

    told = Counter(sample.job for sample in rig.samples)
    assert set(told) == {run.name for run in rig.executor.runs} - set(silent)
    assert min(told.values()) >= 4
