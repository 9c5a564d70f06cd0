from __future__ import annotations

import math

import pytest

from components.jobs.candidate import Candidate
from components.jobs.target import Target
from components.policy.candidates import candidates_of
from components.policy.errors import PolicyError
from components.policy.search import Search, SearchSettings
from components.policy.steps import Confirm, Observation, Probe, Settled


def search_on(brain, topology, target_ms, options=None):
    return Search(brain, topology, candidates_of(topology), Target(target_ms), options)


def test_a_window_that_does_not_decide_is_repeated(brain, tiny_node):
    search = Search(brain, tiny_node, [Candidate(2)], Target(10.0))
    search.observe(Observation(search.next().candidate, 9.96, 50.0))
    step = search.next()
    assert isinstance(step, Probe)
    assert step.candidate == Candidate(2)
    assert step.reason == "one window did not decide"


def test_a_failed_confirmation_leads_to_the_next_cheapest_that_was_measured(brain, tiny_node):
    search = search_on(brain, tiny_node, 100.0)
    search.observe(Observation(search.next().candidate, 20.0, 58.0))
    assert search.next().candidate == Candidate(1)
    search.observe(Observation(Candidate(1), 40.0, 54.0))
    assert search.next() == Confirm(Candidate(1), 2, search.next().reason)
    search.observe(Observation(Candidate(1), 160.0, 54.0, n_windows=10.0))
    assert isinstance(search.next(), Confirm)
    assert search.next().candidate == Candidate(2)
    search.observe(Observation(Candidate(2), 20.0, 58.0, n_windows=10.0))
    assert isinstance(search.next(), Settled)


@pytest.mark.parametrize(("power_of_one_w", "chosen"), [(58.1, 1), (57.9, 1), (66.0, 2)])
def test_of_equal_power_within_noise_the_fewest_cpus_are_confirmed(
    brain, tiny_node, power_of_one_w, chosen
):
    search = search_on(brain, tiny_node, 100.0, SearchSettings(max_probes=2))
    search.observe(Observation(Candidate(2), 20.0, 58.0))
    search.observe(Observation(Candidate(1), 40.0, power_of_one_w))
    step = search.next()
    while isinstance(step, Probe):
        search.observe(Observation(step.candidate, 40.0, power_of_one_w))
        step = search.next()
    assert isinstance(step, Confirm)
    assert step.candidate == Candidate(chosen)


def test_a_confirmation_may_come_in_parts(brain, tiny_node):
    search = Search(brain, tiny_node, [Candidate(2)], Target(90.0))
    search.observe(Observation(search.next().candidate, 50.0, 58.0))
    search.observe(Observation(search.next().candidate, 50.0, 58.0, n_windows=4.0))
    assert search.next().n_windows == 2
    search.observe(Observation(Candidate(2), 50.0, 58.0, n_windows=6.0))
    assert isinstance(search.next(), Settled)


def test_what_was_cut_short_is_not_proposed_again(brain, tiny_node):
    search = search_on(brain, tiny_node, 100.0)
    search.observe(Observation(search.next().candidate, 20.0, 58.0))
    search.observe(Observation(Candidate(1), 101.0, 54.0, n_windows=0.1, cut_short=True))
    step = search.next()
    assert isinstance(step, Confirm)
    assert step.candidate == Candidate(2)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
def test_a_reading_that_is_no_positive_number_is_refused_and_changes_nothing(brain, tiny_node, bad):
    search = search_on(brain, tiny_node, 100.0)
    before = search.next()
    for observation in (
        Observation(Candidate(2), bad, 58.0),
        Observation(Candidate(2), 20.0, bad),
        Observation(Candidate(2), 20.0, 58.0, n_windows=bad),
    ):
        with pytest.raises(PolicyError, match="leave such a window out"):
            search.observe(observation)
    assert search.next() == before
    assert search.predictions() == ()


def test_a_candidate_of_another_search_is_refused(brain, tiny_node):
    search = search_on(brain, tiny_node, 100.0)
    with pytest.raises(PolicyError, match="not one of this search"):
        search.observe(Observation(Candidate(7), 20.0, 58.0))


@pytest.mark.parametrize(
    "change",
    [{"max_probes": 0}, {"min_p_feasible": 1.5}, {"window_sigma": 0.0}, {"probe_rule": "luck"}],
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(PolicyError, match=next(iter(change))):
        SearchSettings(**change)
