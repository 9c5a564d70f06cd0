"""The gate: may this bundle be released? Every rule has numbers and a sentence for people.

Two policies are compared case by case on the same evaluation set, so that what is hard for both
weighs on neither. "Beyond noise" means more than two standard errors of the paired difference;
for counts, more than two standard deviations of a fair coin thrown once per case that differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from components.releases.paired import CountDifference, MeanDifference
from components.releases.verdict import RuleResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.releases.scores import CaseScore, Scores

HIGH_REGRET = 0.10
"""Regret from which a case counts as a bad one: rare ones that a mean hides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengerFacts:
    """What is known of a challenger beside its scores."""

    digest: str
    data_checked: bool
    """The checks let the data pass that it was trained on."""
    lake_version: int | None
    """Version of the lake's table `samples` it learned from; None: made-up nodes only."""
    n_overlapping_rows: int
    """Rows of the lake that are both in its training and in its evaluation."""
    bundle_bytes: int
    bundle_problem: str | None
    """Why the bundle does not pass its check; None: it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """How strict the gate is."""

    min_cases: int = 20
    """Fewer cases say nothing about another policy being no worse."""
    margin: float = 0.001
    """Mean regret or relative power that may be lost even beyond noise: 0.1 % of node power."""
    max_bundle_bytes: int = 4_000_000
    """The shipped bundle has about 150 KB; one this large would not be ours."""
    advisory: tuple[str, ...] = ()
    """Names of rules whose failing is told in the verdict and stops nothing."""


def judge(
    challenger: Scores,
    champion: Scores,
    all_cpus: Scores,
    facts: ChallengerFacts,
    settings: GateSettings | None = None,
    *,
    reference: str = "all CPUs",
    cost: str = "power",
) -> Verdict:
    """Judge a challenger; what cannot be compared does not pass, and no rule is left out silently.

    Regret is compared where neither misses the target, power where the challenger keeps it:
    missing the target is cheap, and counted by rules of its own.
    """
    settings = settings or GateSettings()
    rules = [_comparable(challenger, champion, all_cpus, settings)]
    if rules[0].passed:
        rules += [
            _not_more_often("violations against champion", _violates, challenger, champion),
            _not_more_often(f"violations against {reference}", _violates, challenger, all_cpus),
            _regret(challenger, champion, settings),
            _not_more_often("bad cases against champion", _is_bad, challenger, champion),
            _power(challenger, all_cpus, settings, reference=reference, cost=cost),
        ]
    rules += [_data(facts), _apart(facts), _size(facts, settings), _whole(facts)]
    return Verdict.of(facts.digest, tuple(_advised(rule, settings) for rule in rules))


def _advised(rule: RuleResult, settings: GateSettings) -> RuleResult:
    """Let a rule that only advises pass, and say that it did not hold."""
    if rule.passed or rule.name not in settings.advisory:
        return rule
    return replace(
        rule,
        passed=True,
        needed=f"nothing: it only advises (else {rule.needed})",
        sentence=f"Does not hold, and was let pass by the gate's settings. {rule.sentence}",
    )


def _comparable(
    challenger: Scores, champion: Scores, all_cpus: Scores, settings: GateSettings
) -> RuleResult:
    name, n_cases = "same evaluation set", len(challenger.cases)
    needed = f"one set, the same cases, at least {settings.min_cases}, all numbers finite"
    others = (champion, all_cpus)
    for other in others:
        if other.evaluation_set != challenger.evaluation_set:
            found = f"{challenger.evaluation_set[:12]} and {other.evaluation_set[:12]}"
            why = f"{challenger.policy} and {other.policy} were scored on different sets."
            return RuleResult(name, False, found, needed, why)
        if _names(other) != _names(challenger):
            found = f"{n_cases} and {len(other.cases)} cases, not the same"
            why = f"{challenger.policy} and {other.policy} were not scored on the same cases."
            return RuleResult(name, False, found, needed, why)
    if n_cases < settings.min_cases or len(set(_names(challenger))) != n_cases:
        found = f"{len(set(_names(challenger)))} different cases"
        return RuleResult(name, False, found, needed, "Too few cases to judge on.")
    if not all(_is_finite(case) for scores in (challenger, *others) for case in scores.cases):
        return RuleResult(name, False, "a number that is not finite", needed, "Scores are damaged.")
    found = f"{n_cases} cases of {challenger.evaluation_set[:12]}"
    return RuleResult(name, True, found, needed, "All three were scored on the same cases.")


def _not_more_often(
    name: str, holds: Callable[[CaseScore], bool], challenger: Scores, other: Scores
) -> RuleResult:
    difference = CountDifference.of(
        [holds(case) for case in _ordered(challenger)], [holds(case) for case in _ordered(other)]
    )
    return RuleResult(
        name,
        passed=not difference.is_more,
        found=f"{difference.n_first} against {difference.n_second} of {difference.n_cases}",
        needed=f"at most {difference.allowed_surplus:.1f} more",
        sentence=(
            f"{difference.n_only_first} cases only the challenger has, "
            f"{difference.n_only_second} only {other.policy}: "
            + ("more than chance gives." if difference.is_more else "not more, beyond chance.")
        ),
    )


def _regret(challenger: Scores, champion: Scores, settings: GateSettings) -> RuleResult:
    pairs = [(a, b) for a, b in _pairs(challenger, champion) if not (a.violated or b.violated)]
    difference = MeanDifference.of([a.regret - b.regret for a, b in pairs])
    return _not_higher(
        "regret against champion", difference, settings.margin, "regret than the champion"
    )


def _power(
    challenger: Scores, all_cpus: Scores, settings: GateSettings, *, reference: str, cost: str
) -> RuleResult:
    pairs = [(a, b) for a, b in _pairs(challenger, all_cpus) if not a.violated and b.power_w > 0]
    difference = MeanDifference.of([a.power_w / b.power_w - 1 for a, b in pairs])
    name = f"{cost} against {reference}"
    return _not_higher(name, difference, settings.margin, f"{cost} than {reference}")


def _not_higher(
    name: str, difference: MeanDifference | None, margin: float, than: str
) -> RuleResult:
    if difference is None:
        return RuleResult(
            name, False, "no case to compare", "at least 2", "No case keeps the target in both."
        )
    allowed = max(2 * difference.standard_error, margin)
    passed = difference.mean <= allowed
    if not passed:
        word = "more"
    elif difference.mean < -2 * difference.standard_error:
        word = "less"
    else:
        word = "no more"
    return RuleResult(
        name,
        passed,
        found=f"{difference.mean:+.3%} ± {difference.standard_error:.3%}",
        needed=f"at most {allowed:+.3%}",
        sentence=f"Over {difference.n_cases} cases {word} {than}, beyond noise.",
    )


def _data(facts: ChallengerFacts) -> RuleResult:
    version = "made-up nodes only" if facts.lake_version is None else f"lake {facts.lake_version}"
    return RuleResult(
        "data checked",
        facts.data_checked,
        found=f"{version}, " + ("passed" if facts.data_checked else "not passed"),
        needed="passed",
        sentence="What it learned from "
        + ("passed the checks." if facts.data_checked else "did not pass the checks."),
    )


def _apart(facts: ChallengerFacts) -> RuleResult:
    apart = facts.n_overlapping_rows == 0
    return RuleResult(
        "evaluated on unseen data",
        apart,
        found=f"{facts.n_overlapping_rows} rows in both",
        needed="0 rows in both",
        sentence="It was " + ("not " if apart else "") + "trained on samples it is evaluated on.",
    )


def _size(facts: ChallengerFacts, settings: GateSettings) -> RuleResult:
    fits = 0 < facts.bundle_bytes <= settings.max_bundle_bytes
    return RuleResult(
        "bundle size",
        fits,
        found=f"{facts.bundle_bytes} bytes",
        needed=f"1 to {settings.max_bundle_bytes} bytes",
        sentence="The bundle is " + ("small enough." if fits else "not of a size ours have."),
    )


def _whole(facts: ChallengerFacts) -> RuleResult:
    whole = facts.bundle_problem is None
    return RuleResult(
        "bundle checked",
        whole,
        found=facts.bundle_problem or "digests, operators and golden outputs hold",
        needed="digests, operators and golden outputs hold",
        sentence="The bundle " + ("passes" if whole else "does not pass") + " its check.",
    )


def _violates(case: CaseScore) -> bool:
    return case.violated


def _is_bad(case: CaseScore) -> bool:
    return not case.violated and case.regret > HIGH_REGRET


def _is_finite(case: CaseScore) -> bool:
    return math.isfinite(case.regret) and math.isfinite(case.power_w)


def _names(scores: Scores) -> list[str]:
    return sorted(case.case for case in scores.cases)


def _ordered(scores: Scores) -> list[CaseScore]:
    return sorted(scores.cases, key=lambda case: case.case)


def _pairs(first: Scores, second: Scores) -> Sequence[tuple[CaseScore, CaseScore]]:
    return tuple(zip(_ordered(first), _ordered(second), strict=True))
