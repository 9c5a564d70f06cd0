from dataclasses import replace

import pytest

from components.jobs.candidate import Candidate
from models.allocator.arena import Result
from models.allocator.arena_table import summarise, table

RESULT = Result(
    contender="one",
    case="a",
    family="made by hand",
    target_ms=7.0,
    chosen=Candidate(3),
    infeasible=False,
    probes=4,
    confirm_windows=10,
    unsafe_probes=1,
    regret_whole_node=0.02,
    regret_above_idle=0.04,
    violated=False,
    exact=False,
    within_one=True,
    false_infeasible=False,
    false_feasible=False,
    cpu_ms=10.0,
)
MISS = replace(RESULT, regret_whole_node=-0.5, regret_above_idle=None, violated=True)
WRONGLY_GIVEN_UP = replace(RESULT, infeasible=True, false_infeasible=True)
RIGHTLY_GIVEN_UP = replace(RESULT, infeasible=True, exact=True)
PROMISED = replace(RESULT, false_feasible=True)


def test_a_violation_saves_nothing():
    (summary,) = summarise([RESULT, MISS])
    assert summary.regret_mean == pytest.approx(0.01)
    assert summary.violation_share == 0.5
    assert summary.regret_above_idle_mean == pytest.approx(0.04)


def test_giving_up_is_counted_over_the_cases_where_it_is_right_or_wrong():
    results = [RESULT, WRONGLY_GIVEN_UP, RIGHTLY_GIVEN_UP, PROMISED]
    (summary,) = summarise(results)
    assert summary.false_infeasible_share == 0.5
    assert summary.false_feasible_share == 0.5


def test_decision_time_is_over_all_readings():
    (summary,) = summarise([RESULT])
    assert summary.decision_ms == pytest.approx(2.0)  # four probes and a confirmation
    assert summary.cpu_s_mean == pytest.approx(0.01)


def test_a_line_for_each_contender_in_the_order_they_came():
    text = table([RESULT, replace(RESULT, contender="another, with a longer name"), RESULT])
    head, one, another = text.splitlines()
    assert one.startswith("one ")
    assert another.startswith("another, with a longer name")
    assert len({len(head), len(one), len(another)}) == 1
    assert "2.00%" in one
