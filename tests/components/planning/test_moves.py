"""Moves of a plan in an order in which no CPU has two jobs, wherever there is one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.jobs.candidate import Allocation, Candidate
from components.planning.moves import order_moves
from components.planning.wish import Planned, Purpose


def move(job: str, *cpus: int) -> Planned:
    return Planned(job, Purpose.JOINT, Allocation(Candidate(len(cpus)), frozenset(cpus)))


def test_who_leaves_goes_before_who_comes() -> None:
    held = {"a": frozenset({0, 1}), "b": frozenset({2})}
    ordered = order_moves([move("b", 1, 2), move("a", 0)], held)
    assert [m.job for m in ordered] == ["a", "b"]


def test_a_widening_into_free_cpus_comes_first() -> None:
    held = {"a": frozenset({0, 1}), "b": frozenset({2})}
    ordered = order_moves([move("a", 0), move("b", 2, 3)], held)
    assert [m.job for m in ordered] == ["b", "a"]


def test_a_circle_is_broken_at_its_narrowest() -> None:
    held = {"a": frozenset({0, 1}), "b": frozenset({2})}
    ordered = order_moves([move("a", 2, 3), move("b", 0)], held)
    assert [m.job for m in ordered] == ["b", "a"]


@given(st.permutations(range(9)), st.permutations(range(9)))
def test_every_move_is_made_once_and_ends_where_it_was_planned(
    before: list[int], after: list[int]
) -> None:
    names = ("a", "b", "c")
    held = {n: frozenset(before[3 * k : 3 * k + 3]) for k, n in enumerate(names)}
    changes = [move(n, *after[3 * k : 3 * k + 3]) for k, n in enumerate(names)]
    ordered = order_moves(changes, held)
    assert sorted(m.job for m in ordered) == sorted(names)
    assert {m.job: m.allocation for m in ordered} == {m.job: m.allocation for m in changes}
