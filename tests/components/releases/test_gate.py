from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.releases.gate import ChallengerFacts, GateSettings, judge
from components.releases.paired import CountDifference, MeanDifference
from components.releases.scores import CaseScore, Scores

FACTS = ChallengerFacts(
    digest="a" * 64,
    data_checked=True,
    lake_version=3,
    n_overlapping_rows=0,
    bundle_bytes=150_000,
    bundle_problem=None,
)
N_CASES = 200
HARD = np.random.default_rng(0).exponential(0.01, N_CASES)
ALL_CPUS_W = 300.0


def scores(
    policy: str,
    regrets: np.ndarray,
    *,
    violated: frozenset[int] = frozenset(),
    evaluation_set: str = "e" * 64,
) -> Scores:
    cases = tuple(
        CaseScore(f"case {n}", float(r), n in violated, 5, 1, 200.0 * (1 + float(r)))
        for n, r in enumerate(regrets)
    )
    return Scores(policy, evaluation_set, cases)


CHAMPION = scores("champion", HARD)
ALL_CPUS = Scores(
    "all CPUs",
    "e" * 64,
    tuple(CaseScore(f"case {n}", 0.5, False, 1, 0, ALL_CPUS_W) for n in range(N_CASES)),
)


def failures(challenger: Scores, champion: Scores = CHAMPION, **facts: object) -> list[str]:
    verdict = judge(challenger, champion, ALL_CPUS, replace(FACTS, **facts))  # type: ignore[arg-type]
    assert verdict.passed == (not verdict.failures)
    return [rule.name for rule in verdict.failures]


def test_the_champion_passes_against_itself() -> None:
    assert failures(CHAMPION) == []


def test_a_better_one_passes_and_its_verdict_names_its_bundle() -> None:
    verdict = judge(scores("better", HARD / 2), CHAMPION, ALL_CPUS, FACTS)
    assert verdict.passed
    assert verdict.digest == FACTS.digest


def test_every_rule_says_what_was_found_and_needed_in_words() -> None:
    verdict = judge(CHAMPION, CHAMPION, ALL_CPUS, FACTS)
    assert len({rule.name for rule in verdict.rules}) == 10
    for rule in verdict.rules:
        assert rule.found
        assert rule.needed
        assert rule.sentence.endswith(".")


def test_regret_that_is_worse_on_every_case_alike_does_not_pass() -> None:
    assert failures(scores("worse", HARD + 0.002)) == ["regret against champion"]


def test_regret_within_the_margin_passes() -> None:
    assert failures(scores("as good", HARD + 0.0009)) == []


def test_regret_that_is_worse_only_by_noise_passes() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.02, N_CASES)
    noise += 0.002 - noise.mean()
    assert failures(scores("noisy", HARD + noise)) == []


def test_a_few_terrible_cases_do_not_hide_in_their_own_noise() -> None:
    terrible = HARD.copy()
    terrible[:8] = 3.0
    assert "bad cases against champion" in failures(scores("rarely terrible", terrible))


def test_violations_that_the_champion_has_too_weigh_on_neither() -> None:
    some = frozenset(range(30))
    champion = scores("champion", HARD, violated=some)
    all_cpus = replace(
        ALL_CPUS,
        cases=tuple(replace(c, violated=n in some) for n, c in enumerate(ALL_CPUS.cases)),
    )
    assert judge(scores("same", HARD, violated=some), champion, all_cpus, FACTS).passed


def test_new_violations_beyond_chance_do_not_pass_however_little_power_they_take() -> None:
    cheap = HARD.copy()
    cheap[:10] = -0.9
    assert failures(scores("cheat", cheap, violated=frozenset(range(10)))) == [
        "violations against champion",
        "violations against all CPUs",
    ]


@pytest.mark.parametrize(("n_new", "passes"), [(1, True), (4, True), (5, False)])
def test_new_violations_are_allowed_within_two_deviations(n_new: int, passes: bool) -> None:
    challenger = scores("c", HARD, violated=frozenset(range(n_new)))
    assert (failures(challenger) == []) == passes


def test_more_violations_than_all_cpus_do_not_pass_even_if_the_champion_has_them() -> None:
    some = frozenset(range(12))
    champion = scores("champion", HARD, violated=some)
    assert failures(scores("same", HARD, violated=some), champion) == [
        "violations against all CPUs"
    ]


def test_taking_more_power_than_all_cpus_does_not_pass() -> None:
    champion = scores("champion", HARD + 0.6)
    assert failures(scores("c", HARD + 0.6), champion) == ["power against all CPUs"]


def test_another_evaluation_set_is_not_compared() -> None:
    other = scores("c", HARD, evaluation_set="f" * 64)
    verdict = judge(other, CHAMPION, ALL_CPUS, FACTS)
    assert [rule.name for rule in verdict.failures] == ["same evaluation set"]
    assert "regret against champion" not in {rule.name for rule in verdict.rules}


def test_other_cases_under_the_same_name_are_not_compared() -> None:
    assert failures(replace(CHAMPION, cases=CHAMPION.cases[1:])) == ["same evaluation set"]


def test_the_order_of_cases_does_not_matter() -> None:
    shuffled = replace(CHAMPION, cases=tuple(reversed(CHAMPION.cases)))
    assert failures(shuffled) == []


def test_too_few_cases_do_not_pass() -> None:
    few = [replace(s, cases=s.cases[:19]) for s in (CHAMPION, CHAMPION, ALL_CPUS)]
    assert [r.name for r in judge(*few, FACTS).failures] == ["same evaluation set"]
    assert judge(*few, FACTS, GateSettings(min_cases=19)).passed


def test_one_case_told_many_times_is_not_many_cases() -> None:
    one = [replace(s, cases=s.cases[:1] * 50) for s in (CHAMPION, CHAMPION, ALL_CPUS)]
    assert not judge(*one, FACTS).passed


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_no_number_does_not_pass(value: float) -> None:
    broken = replace(CHAMPION.cases[0], regret=value)
    assert failures(replace(CHAMPION, cases=(broken, *CHAMPION.cases[1:]))) == [
        "same evaluation set"
    ]


def test_a_policy_that_never_keeps_the_target_has_nothing_to_compare_and_does_not_pass() -> None:
    never = scores("never", HARD - 0.9, violated=frozenset(range(N_CASES)))
    assert {"regret against champion", "power against all CPUs"} <= set(failures(never))


@pytest.mark.parametrize(
    ("fact", "value", "rule"),
    [
        ("data_checked", False, "data checked"),
        ("n_overlapping_rows", 1, "evaluated on unseen data"),
        ("bundle_bytes", 4_000_001, "bundle size"),
        ("bundle_bytes", 0, "bundle size"),
        ("bundle_problem", "predict.onnx is foreign", "bundle checked"),
    ],
)
def test_each_fact_that_is_wrong_fails_its_rule(fact: str, value: object, rule: str) -> None:
    assert failures(CHAMPION, **{fact: value}) == [rule]


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50))
def test_swapping_the_two_turns_the_mean_around(differences: list[float]) -> None:
    there, back = MeanDifference.of(differences), MeanDifference.of([-d for d in differences])
    assert there is not None
    assert back is not None
    assert there.mean == pytest.approx(-back.mean)
    assert there.standard_error == pytest.approx(back.standard_error)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=200))
def test_of_two_at_most_one_has_it_more_often(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = CountDifference.of(first, second), CountDifference.of(second, first)
    assert not (there.is_more and back.is_more)
    assert (there.n_first, there.n_second) == (sum(first), sum(second))


def test_two_equally_good_policies_pass_nearly_always() -> None:
    rng = np.random.default_rng(7)
    n_passed = sum(
        not failures(
            scores("b", rng.exponential(0.01, 200)), scores("a", rng.exponential(0.01, 200))
        )
        for _ in range(200)
    )
    assert n_passed >= 190
