"""How contenders are judged."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from components.jobs.candidate import Candidate
from models.allocator.arena import Case, Decision, run


@dataclass(frozen=True)
class Scripted:
    """Reads these positions, then decides."""

    reads: tuple[int, ...]
    choice: int
    infeasible: bool = False
    confirm_windows: int = 0
    name: str = "scripted"

    def decide(self, task, read, seed):
        for index in self.reads:
            read(task.candidates[index])
        if self.confirm_windows:
            read(task.candidates[self.choice], self.confirm_windows)
        return Decision(task.candidates[self.choice], self.infeasible)


@dataclass
class Listening:
    """Keeps what it reads of the first candidate."""

    n: int
    confirm_windows: int = 0
    name: str = "listening"

    def decide(self, task, read, seed):
        first = task.candidates[0]
        self.heard = [read(first, self.confirm_windows) for _ in range(self.n)]
        return Decision(first)


CASE = Case(
    name="sparse",
    family="made by hand",
    candidates=tuple(Candidate(n) for n in (1, 2, 4, 8)),
    latency_ms=np.asarray([80.0, 40.0, 20.0, 10.0]),
    power_w=np.asarray([60.0, 70.0, 90.0, 130.0]),
    target_ms=25.0,
    n_logical=8,
    n_physical=8,
    idle_w=50.0,
)
HOPELESS = replace(CASE, target_ms=5.0)


def test_the_best_choice_is_exact_and_has_no_regret():
    result = run(Scripted((3, 1, 2), 2), CASE)
    assert (result.exact, result.within_one, result.violated) == (True, True, False)
    assert (result.regret_whole_node, result.regret_above_idle) == (0.0, 0.0)
    assert (result.probes, result.unsafe_probes) == (3, 1)
    assert result.probed == tuple(CASE.candidates[i] for i in (3, 1, 2))


def test_one_step_of_the_counts_there_are_is_within_one():
    result = run(Scripted((), 3), CASE)
    assert (result.exact, result.within_one) == (False, True)
    assert result.regret_whole_node == pytest.approx(130.0 / 90.0 - 1.0)
    assert result.regret_above_idle == pytest.approx(1.0)


def test_a_miss_is_a_violation_however_near():
    result = run(Scripted((), 1), CASE)
    assert (result.violated, result.within_one) == (True, False)


def test_violations_are_by_true_latency_and_not_by_what_was_read():
    noisy = replace(CASE, latency_ms=np.asarray([80.0, 40.0, 25.01, 10.0]), noise=0.2)
    listening = Listening(1)
    seeds_that_flatter = 0
    for seed in range(30):
        near = replace(noisy, candidates=CASE.candidates[2:], latency_ms=noisy.latency_ms[2:])
        near = replace(near, power_w=CASE.power_w[2:])
        result = run(listening, near, seed)
        seeds_that_flatter += listening.heard[0].latency_ms <= 25.0
        assert result.violated
    assert seeds_that_flatter > 5


def test_saying_infeasible_is_right_only_where_nothing_keeps_the_target():
    wrong = run(Scripted((), 3, infeasible=True), CASE)
    assert (wrong.false_infeasible, wrong.exact, wrong.violated) == (True, False, False)
    right = run(Scripted((), 3, infeasible=True), HOPELESS)
    assert (right.false_infeasible, right.exact, right.false_feasible) == (False, True, False)


def test_a_promise_that_nothing_can_keep_is_told_apart():
    result = run(Scripted((), 2), HOPELESS)
    assert (result.false_feasible, result.exact, result.violated) == (True, False, False)
    assert result.regret_whole_node == pytest.approx(1.0)  # twice as slow as the fastest
    assert result.regret_above_idle is None


def test_repeats_are_probes_and_a_candidate_is_unsafe_once():
    result = run(Scripted((0, 0, 3), 3), CASE)
    assert (result.probes, result.unsafe_probes) == (3, 1)


def test_confirming_is_counted_apart():
    result = run(Scripted((3,), 2, confirm_windows=10), CASE)
    assert (result.probes, result.confirm_windows) == (1, 10)


def test_every_contender_meets_the_same_noise():
    noisy = replace(CASE, noise=0.1, power_noise=0.05)
    one, other = Listening(3), Listening(3)
    run(one, noisy, 7)
    run(other, noisy, 7)
    assert one.heard == other.heard
    assert len({reading.latency_ms for reading in one.heard}) == 3
    run(other, noisy, 8)
    assert one.heard != other.heard


def test_noise_is_relative_and_falls_with_the_length_of_a_confirmation():
    noisy = replace(CASE, noise=0.1)
    probe, long = Listening(2000), Listening(2000, confirm_windows=25)
    for listening, sigma in ((probe, 0.1), (long, 0.02)):
        run(listening, noisy)
        logs = np.log([reading.latency_ms / 80.0 for reading in listening.heard])
        assert logs.std() == pytest.approx(sigma, rel=0.1)
        assert {reading.power_w for reading in listening.heard} == {60.0}


def test_use_is_told_where_it_was_recorded():
    busy = replace(CASE, utilization=np.asarray([1.0, 0.9, 0.5, 0.25]))
    listening = Listening(1)
    run(listening, busy)
    assert listening.heard[0].utilization == 1.0
    run(listening, CASE)
    assert listening.heard[0].utilization is None
