"""The guard: what it lets through, what it refuses, and by which rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.jobs.candidate import Allocation, Candidate, Prediction
from components.jobs.target import Target
from components.planning.evidence import Evidence
from components.planning.guard import Limits, Rule, Situation, guard
from components.planning.wish import Planned, Purpose
from components.policy.steps import Observation

ALL = frozenset(range(16))
TARGET = Target(10.0)
LIMITS = Limits(allowed=frozenset(range(15)), min_cpus=1, max_cpus=15)
NO_EVIDENCE = Evidence(TARGET)


def allocation(n: int) -> Allocation:
    return Allocation(Candidate(n), frozenset(range(n)))


def planned(n: int, purpose: Purpose) -> Planned:
    return Planned("web", purpose, allocation(n))


def seen(n: int, latency_ms: float, power_w: float = 100.0, **more: object) -> Observation:
    return Observation(Candidate(n), latency_ms, power_w, **more)


SITUATION = Situation(
    mode_acts=True,
    paused=False,
    held=None,
    has_policy=True,
    has_telemetry=True,
    current=ALL,
    current_candidate=None,
    is_probing=False,
    last_good=None,
    original=ALL,
    since_commit_s=None,
)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"mode_acts": False}, Rule.MODE),
        ({"held": "by an operator"}, Rule.HELD),
        ({"paused": True}, Rule.PAUSED),
    ],
)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_what_is_not_ours_to_change_stays_as_it_is(changes, rule, purpose):
    situation = replace(SITUATION, current=frozenset({3}), **changes)

    ruling = guard(planned(4, purpose), situation, LIMITS, NO_EVIDENCE)

    assert (ruling.cpus, ruling.rule) == (frozenset({3}), rule)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [({"has_policy": False}, Rule.NO_POLICY), ({"has_telemetry": False}, Rule.NO_TELEMETRY)],
)
def test_without_policy_or_telemetry_the_last_good_comes_back_else_the_original(changes, rule):
    situation = replace(SITUATION, current=frozenset({3}), **changes)

    original = guard(planned(4, Purpose.PROBE), situation, LIMITS, NO_EVIDENCE)
    good = guard(None, replace(situation, last_good=allocation(6)), LIMITS, NO_EVIDENCE)

    assert (original.cpus, original.rule) == (ALL, rule)
    assert (good.allocation, good.rule) == (allocation(6), rule)


def test_a_last_good_allocation_outside_the_limits_is_not_entered():
    situation = replace(SITUATION, has_policy=False, last_good=allocation(16))

    assert guard(None, situation, LIMITS, NO_EVIDENCE).cpus == ALL


def test_a_probe_does_not_outlast_a_pause():
    situation = replace(SITUATION, paused=True, is_probing=True, last_good=allocation(6))

    assert guard(None, situation, LIMITS, NO_EVIDENCE).allocation == allocation(6)


@pytest.mark.parametrize("n", [1, 9, 16])
def test_a_step_outside_the_limits_is_refused(n):
    limits = replace(LIMITS, min_cpus=2, max_cpus=8)

    for purpose in (Purpose.PROBE, Purpose.COMMIT, Purpose.EMERGENCY):
        assert guard(planned(n, purpose), SITUATION, limits, NO_EVIDENCE).rule is Rule.LIMITS


def test_what_was_never_tried_may_be_probed_but_not_committed_to():
    probe = guard(planned(4, Purpose.PROBE), SITUATION, LIMITS, NO_EVIDENCE)
    commit = guard(planned(4, Purpose.COMMIT), SITUATION, LIMITS, NO_EVIDENCE)

    assert not probe.is_overruled
    assert commit.rule is Rule.UNVERIFIED


@pytest.mark.parametrize(("latency_ms", "passes"), [(9.89, True), (9.91, False), (10.5, False)])
def test_a_commitment_needs_mean_plus_two_sigma_below_the_target(latency_ms, passes):
    evidence = Evidence(TARGET, (seen(4, latency_ms),))  # one window: sigma 0.5 %, margin 1 %

    ruling = guard(planned(4, Purpose.COMMIT), SITUATION, LIMITS, evidence)

    assert ruling.is_overruled != passes


def test_more_windows_narrow_the_margin():
    evidence = Evidence(TARGET, (seen(4, 9.95, n_windows=9.0),))

    assert not guard(planned(4, Purpose.COMMIT), SITUATION, LIMITS, evidence).is_overruled


def test_a_window_that_was_cut_short_speaks_against_a_candidate_for_good():
    evidence = Evidence(TARGET, (seen(4, 15.0, n_windows=0.2, cut_short=True), seen(4, 8.0)))

    assert not evidence.accepts(Candidate(4))


@pytest.mark.parametrize(
    ("latency_ms", "min_p", "rule"),
    [
        (9.9, 0.5, Rule.AS_PLANNED),
        (10.5, 0.5, Rule.UNLIKELY),
        (10.5, 0.3, Rule.AS_PLANNED),
        (12.0, 0.3, Rule.UNLIKELY),
    ],
)
def test_a_probe_that_may_miss_needs_the_owners_leave(latency_ms, min_p, rule):
    evidence = Evidence(TARGET, (seen(15, 5.0),))
    forecast = Prediction(Candidate(8), latency_ms, 0.1, 80.0, 0.1)
    situation = replace(SITUATION, predicted={Candidate(8): forecast})

    ruling = guard(
        planned(8, Purpose.PROBE), situation, replace(LIMITS, min_p_feasible=min_p), evidence
    )

    assert ruling.rule is rule


def test_a_probe_narrower_than_what_clearly_missed_is_refused():
    evidence = Evidence(TARGET, (seen(8, 9.0), seen(4, 12.0)))
    situation = replace(SITUATION, last_good=allocation(8))

    narrower = guard(planned(3, Purpose.PROBE), situation, LIMITS, evidence)
    wider = guard(planned(5, Purpose.PROBE), situation, LIMITS, evidence)

    assert (narrower.rule, narrower.allocation) == (Rule.TOO_NARROW, allocation(8))
    assert not wider.is_overruled


def test_what_was_taken_back_is_not_entered_again():
    evidence = Evidence(TARGET, (seen(4, 9.0),), {Candidate(4): "it missed at noon"})

    for purpose in (Purpose.PROBE, Purpose.CONFIRM, Purpose.COMMIT):
        ruling = guard(planned(4, purpose), SITUATION, LIMITS, evidence)
        assert (ruling.rule, "at noon" in ruling.reason) == (Rule.UNDONE, True)


def test_after_too_many_misses_only_what_is_proven_is_let_through():
    evidence = Evidence(TARGET, (seen(8, 9.0),), n_unsafe=4)

    assert guard(planned(7, Purpose.PROBE), SITUATION, LIMITS, evidence).rule is Rule.UNSAFE_PROBES
    assert not guard(planned(8, Purpose.COMMIT), SITUATION, LIMITS, evidence).is_overruled


def test_a_move_that_saves_next_to_nothing_is_not_made():
    evidence = Evidence(TARGET, (seen(8, 9.0, 100.0), seen(7, 9.1, 99.5)))
    situation = replace(SITUATION, current=allocation(8).cpus, current_candidate=Candidate(8))

    ruling = guard(planned(7, Purpose.COMMIT), situation, LIMITS, evidence)

    assert (ruling.rule, ruling.cpus) == (Rule.DEAD_BAND, allocation(8).cpus)


def test_commitments_do_not_narrow_in_quick_succession():
    evidence = Evidence(TARGET, (seen(8, 9.0, 100.0), seen(5, 9.1, 80.0)))
    situation = replace(
        SITUATION, current=allocation(8).cpus, current_candidate=Candidate(8), since_commit_s=5.0
    )

    soon = guard(planned(5, Purpose.COMMIT), situation, LIMITS, evidence)
    later = guard(
        planned(5, Purpose.COMMIT), replace(situation, since_commit_s=60.0), LIMITS, evidence
    )

    assert soon.rule is Rule.HOLD_TIME
    assert not later.is_overruled


def test_an_emergency_passes_without_policy_or_telemetry():
    situation = replace(SITUATION, has_policy=False, has_telemetry=False, current=frozenset({0}))

    ruling = guard(planned(15, Purpose.EMERGENCY), situation, LIMITS, NO_EVIDENCE)

    assert ruling.allocation == allocation(15)


observations = st.builds(
    seen,
    st.integers(1, 15),
    st.floats(1.0, 30.0),
    st.floats(50.0, 200.0),
    n_windows=st.floats(0.1, 10.0),
    cut_short=st.booleans(),
)
situations = st.builds(
    replace,
    st.just(SITUATION),
    mode_acts=st.booleans(),
    paused=st.booleans(),
    held=st.sampled_from([None, "held"]),
    has_policy=st.booleans(),
    has_telemetry=st.booleans(),
    is_probing=st.booleans(),
    last_good=st.one_of(st.none(), st.integers(1, 16).map(allocation)),
    since_commit_s=st.one_of(st.none(), st.floats(0, 100)),
)
plans = st.one_of(st.none(), st.builds(planned, st.integers(1, 16), st.sampled_from(list(Purpose))))


@given(plans, situations, st.lists(observations, max_size=8), st.integers(1, 8))
def test_whatever_is_planned_no_job_is_left_without_cpus_or_outside_its_limits(
    wanted, situation, observed, least
):
    limits = replace(LIMITS, min_cpus=least)

    ruling = guard(wanted, situation, limits, Evidence(TARGET, tuple(observed)))

    assert ruling.cpus
    assert ruling.reason
    kept = {situation.current, situation.original}
    assert ruling.cpus in kept or (
        ruling.cpus <= limits.allowed and least <= len(ruling.cpus) <= limits.max_cpus
    )


@given(st.integers(1, 15), situations, st.lists(observations, max_size=8))
def test_no_commitment_passes_that_the_acceptance_rule_refuses(n, situation, observed):
    evidence = Evidence(TARGET, tuple(observed))

    ruling = guard(planned(n, Purpose.COMMIT), situation, LIMITS, evidence)

    assert ruling.is_overruled or evidence.accepts(Candidate(n))
