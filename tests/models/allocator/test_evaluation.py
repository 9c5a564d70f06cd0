from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.policy.default_bundle import default_bundle
from components.policy.search_settings import SearchSettings
from models.allocator.evaluation import (
    evaluate,
    evaluate_all_cpus,
    evaluate_oracle,
    evaluation_set,
)
from models.allocator.evaluation_set import FAMILIES, GATE_SEED, EvaluationSet
from models.allocator.scoring import figures, paired_difference, summarise, table
from models.allocator.surfaces import compile_surfaces


@pytest.fixture(scope="module")
def cases():
    return evaluation_set(n_madeup=80)


@pytest.fixture(scope="module")
def scores(cases):
    return evaluate(default_bundle(), cases)


def test_the_set_is_frozen(cases):
    again = evaluation_set(n_madeup=80)
    assert again.digest == cases.digest
    assert [case.name for case in again.cases] == [case.name for case in cases.cases]
    assert evaluation_set(n_madeup=80, seed=GATE_SEED + 1).digest != cases.digest


def test_all_families_are_judged_on(cases):
    assert {case.family for case in cases.cases} == set(FAMILIES)


def test_a_policy_meets_the_same_noise_every_time(cases, scores):
    assert evaluate(default_bundle(), cases).cases == scores.cases


def test_the_shipped_policy_is_far_better_than_all_cpus(cases, scores):
    ours, widest = figures(scores.cases), figures(evaluate_all_cpus(cases).cases)
    assert ours["regret_mean"] < 0.25 * widest["regret_mean"]
    assert ours["violation_share"] <= widest["violation_share"]
    assert ours["probes_mean"] <= 8.0
    assert ours["unsafe_probes_mean"] <= 2.0


def test_nobody_beats_the_oracle(cases, scores):
    for ours, best in zip(scores.cases, evaluate_oracle(cases).cases, strict=True):
        assert best.regret == 0.0
        assert not best.violated
        assert ours.violated or ours.regret >= -1e-12


def test_what_reinforcement_learning_ships_is_not_worse_than_expected_improvement(cases, scores):
    rule = SearchSettings(probe_rule="expected-improvement")
    difference, error = paired_difference(scores, evaluate(default_bundle(), cases, settings=rule))
    assert difference <= 2.0 * error + 1e-9


def test_violations_are_judged_by_true_latency_not_by_the_reading(cases):
    noisy = EvaluationSet(tuple(replace(case, noise=0.1) for case in cases.cases), "noisy")
    by_name = {case.name: case for case in cases.cases}
    for score in evaluate(default_bundle(), noisy).cases:
        case = by_name[score.case]
        chosen = np.isclose(case.power_w, score.power_w)
        kept = bool((case.latency_ms[chosen] <= case.target_ms).any())
        assert score.violated == (bool(case.feasible.any()) and not kept)


def test_live_surfaces_are_judged_on_what_was_held_out_only(sweep):
    surfaces = compile_surfaces(sweep)
    alone = evaluation_set(surfaces, n_madeup=0)
    assert alone.cases[0].family == "live"
    assert len(alone.cases[0].candidates) == len(surfaces[0].held_out)
    for case in alone.cases:
        surface = next(s for s in surfaces if case.name.startswith(s.name))
        assert case.latency_ms.tolist() == [p.latency_ms for p in surface.held_out]


def test_other_live_data_is_another_set(sweep):
    surfaces = compile_surfaces(sweep)
    changed = [replace(s, held_out=s.held_out[1:]) for s in surfaces]
    assert evaluation_set(changed, n_madeup=4).digest != evaluation_set(surfaces, n_madeup=4).digest


def test_figures_are_told_by_family_and_over_all(cases, scores):
    summary = summarise(scores, cases)
    assert list(summary) == [*FAMILIES, "all"]
    assert summary["all"]["n_cases"] == 80
    assert "missed" in table("ours", summary)


def test_progress_is_told(cases):
    told = []
    evaluate(default_bundle(), cases, progress=lambda *what: told.append(what))
    assert told[-1] == (80, 80, "evaluating")
