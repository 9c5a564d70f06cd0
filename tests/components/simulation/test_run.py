"""Contenders beside each other: rules that hold whoever wins, and that ours saves safely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.planning.reserve import reserved_cpus
from components.simulation.baselines.controllers import adjusting_baselines
from components.simulation.baselines.fixed import fixed_baselines
from components.simulation.cast import draw_cast
from components.simulation.oracle import Oracle
from components.simulation.piloted import play_joulepilot
from components.simulation.play import Contender, Record, Seen, play
from components.simulation.run import simulate
from components.simulation.scenario import Scenario
from components.simulation.score import ALL_CPUS, ORACLE, OURS, best_other
from components.simulation.world import World
from components.solver.milp import solve

if TYPE_CHECKING:
    from pathlib import Path

    from components.policy.brain import Brain


class Watching:
    """A contender that checks what another one decides."""

    def __init__(self, other: Contender) -> None:
        self.name = other.name
        self.other = other
        self.seen: list[dict[str, frozenset[int]]] = []

    def begin(self, cast):
        self.seen.append(self.other.begin(cast))
        return self.seen[-1]

    def next(self, seen: Seen):
        self.seen.append(self.other.next(seen))
        return self.seen[-1]


def test_no_baseline_but_all_cpus_gives_a_cpu_twice(small: Scenario) -> None:
    world = World(draw_cast(small, 3))
    for contender in (*fixed_baselines()[1:], *adjusting_baselines(), Oracle(world)):
        watching = Watching(contender)
        play(world, watching)
        for held in watching.seen:
            sets = list(held.values())
            assert all(sets)
            assert sum(map(len, sets)) == len(frozenset().union(*sets)), contender.name
            assert not reserved_cpus(world.cast.topology) & frozenset().union(*sets)


def test_the_oracle_keeps_every_target_at_less_power_than_any_other_that_does(
    small: Scenario,
) -> None:
    world = World(draw_cast(small, 3))
    oracle = Oracle(world, solve)
    best = play(world, oracle)
    assert not best.missed.any()
    assert oracle.gaps
    for contender in (*fixed_baselines(), *adjusting_baselines()):
        record = play(world, contender)
        if not record.missed.any():
            assert best.power_w.mean() <= record.power_w.mean() * 1.001, contender.name


@pytest.fixture(scope="module")
def outcome(brain: Brain):
    from components.simulation.scenario import JobsPlan, NodePlan

    scenario = Scenario(
        name="half-an-hour",
        hours=0.5,
        node=NodePlan(sockets=2, l3_per_socket=2, cores_per_l3=8, threads_per_core=2),
        jobs=JobsPlan(n=4, share_of_cores=0.4),
    )
    return simulate(scenario, 7, brain, with_per_job=False)


def test_jobs_planned_together_save_most_of_what_an_oracle_saves(outcome) -> None:
    scores = {s.contender: s for s in outcome.scores}
    assert scores[ALL_CPUS].saving == 0.0
    assert scores[ORACLE].of_oracle == pytest.approx(1.0)
    assert scores[OURS].of_oracle >= 0.7  # half of the time is spent learning
    assert scores[OURS].met_share >= 0.985
    assert scores[OURS].saving > best_other(outcome.scores).saving
    assert scores[OURS].moves_per_job_hour <= 6.0


def test_windows_of_probes_are_counted_apart() -> None:
    record = Record(
        "x",
        ("a",),
        10.0,
        np.ones(3),
        np.asarray([[1.2], [1.2], [0.5]]),
        np.ones((3, 1)),
        np.asarray([[True], [False], [False]]),
        np.zeros((3, 1), dtype=np.bool_),
        np.zeros(3, dtype=np.bool_),
    )
    assert record.missed.tolist() == [[False], [True], [False]]


def test_each_job_by_itself_can_be_played_too(
    small: Scenario, brain: Brain, tmp_path: Path
) -> None:
    world = World(draw_cast(small, 3))
    record = play_joulepilot(world, brain, tmp_path, name="alone", is_joint=False)
    assert record.power_w[-5:].mean() < world.all_cpus_w
