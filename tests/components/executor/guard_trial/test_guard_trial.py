"""Hostile policies behind the guard, in small; the command runs the same at length."""

from __future__ import annotations

import pytest

from components.executor.guard_trial.__main__ import main
from components.executor.guard_trial.field import (
    HOSTILE,
    REAL,
    UNGUARDED,
    nodes_of,
    open_search_of,
    try_all,
    unguarded,
)
from components.executor.guard_trial.judge import Instant, Judge
from components.executor.guard_trial.trial import Trial, run_trial
from components.executor.settings import ExecutorSettings
from components.policy.brain import load_brain
from components.policy.default_bundle import default_bundle

SETTINGS = ExecutorSettings(tick_s=2.0, settle_s=2.0)


@pytest.mark.parametrize("policy", HOSTILE)
def test_behind_the_guard_no_policy_misses_the_target_more_often_than_promised(policy):
    result = try_all(150, 1, 3, [policy], lambda _: None)

    (row,) = result.rows
    assert row.n_windows == 150
    assert row.holds, row


def test_without_the_guard_the_worst_policy_misses_it_nearly_always(tmp_path):
    (surface,) = nodes_of(1, 0)
    worst = open_search_of("worst", surface, 0)
    trial = Trial(surface, worst, unguarded, 60, 0, is_load_steady=True)

    outcome = run_trial(trial, load_brain(default_bundle()), SETTINGS, tmp_path)

    assert outcome.judge.n_missed > 20


def test_the_guard_is_not_in_the_way_of_the_real_policy():
    result = try_all(100, 1, 5, [REAL, UNGUARDED], lambda _: None)

    assert result.kept_saving >= 0.95
    assert result.reference_choice_s <= 120
    assert result.rows[0].saving > 0.3
    assert result.holds


def test_a_window_is_judged_by_its_mean_and_an_excursion_by_what_noise_cannot_hide():
    judge = Judge(10.0, 0.005, ticks_per_window=2)

    for latency_ms, all_cpus_ms in (
        (9, 8),
        (12, 8),
        (10.1, 8),
        (10.1, 8),
        (12, 8),
        (9, 8),
        (12, 11),
    ):
        judge.see(Instant(latency_ms, all_cpus_ms, 50.0, 100.0))

    assert (judge.n_windows, judge.n_missed, judge.n_missed_with_all) == (3, 3, 0)
    assert judge.excursions == [1, 1]
    assert judge.saving == 0.5


def test_the_command_prints_a_table_and_its_exit_code_is_the_verdict(capsys):
    assert main(["--windows", "40", "--nodes", "1", "--policy", "least CPUs"]) == 0
    assert "holds" in capsys.readouterr().out
