"""What the guard refused is not planned again at once."""

from __future__ import annotations

from components.jobs.candidate import Candidate
from components.planning.refusals import REMEMBER_S, Refusals


def test_what_was_refused_is_barred_for_its_job_for_a_while() -> None:
    refusals = Refusals()
    refusals.note("web", Candidate(5), 100.0)
    assert refusals.of("web", 110.0) == {Candidate(5)}
    assert not refusals.of("batch", 110.0)
    assert not refusals.of("web", 100.0 + REMEMBER_S)


def test_what_is_refused_again_is_barred_anew() -> None:
    refusals = Refusals()
    refusals.note("web", Candidate(5), 0.0)
    refusals.note("web", Candidate(5), REMEMBER_S - 1.0)
    assert refusals.of("web", REMEMBER_S + 1.0) == {Candidate(5)}
