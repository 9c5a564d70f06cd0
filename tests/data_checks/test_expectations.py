"""Great Expectations and the masks: two counts of the same rows."""

from __future__ import annotations

import math
import socket
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest

from data_checks.checking import disagreements
from data_checks.expectations import TableVerdict, expect
from data_checks.judgement import bad_rows
from data_checks.limits import Limits
from data_checks.measures import HISTORY_COLUMNS, measure
from data_checks.rule import Absent, OneOf, Rule, Within
from data_checks.rules import rules

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import pyarrow as pa

LIMITS = Limits()
RULES = rules(LIMITS)


def figures(table: pa.Table) -> pd.DataFrame:
    return measure(table, table.slice(0, 0).select(HISTORY_COLUMNS), {}, LIMITS)


def scramble(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Put into a fifth of each column that is tested values in, at and out of its bounds."""
    rng = np.random.default_rng(seed)
    scrambled = frame.copy()
    for rule in RULES:
        for column in rule.columns:
            values = rng.choice(np.array(_values(rule), dtype=object), len(frame))
            mixed = np.where(rng.random(len(frame)) < 0.2, values, frame[column].astype(object))
            scrambled[column] = mixed
            if isinstance(rule.test, Within):
                scrambled[column] = scrambled[column].astype(float)
    return scrambled


def _values(rule: Rule) -> list[object]:
    if isinstance(rule.test, OneOf):
        return [None, "", "no such word", *rule.test.words]
    if isinstance(rule.test, Absent):
        return [None, "it is absent"]
    low, high = (
        bound if math.isfinite(bound) else 0.0 for bound in (rule.test.low, rule.test.high)
    )
    around = [low, math.nextafter(low, -9), low + 0.5, high, math.nextafter(high, 1e9), high + 1]
    return [math.nan, math.inf, -math.inf, -1.0, *around]


@pytest.mark.parametrize("seed", [1, 2])
def test_masks_and_great_expectations_find_the_same_rows(
    seed: int, row: Callable[..., dict[str, Any]], raw: Callable[..., pa.Table]
) -> None:
    frame = scramble(figures(raw(*(row(i) for i in range(200)))), seed)

    masks = bad_rows(frame, RULES)
    verdict = expect(frame, RULES)

    for rule in RULES:
        by_mask = set(np.flatnonzero(masks[rule.code]))
        assert by_mask, f"{rule.code} was never broken: this proves nothing"
        assert len(by_mask) < len(frame), f"{rule.code} was never kept: this proves nothing"
        assert verdict.bad_rows[rule.code] == by_mask, rule.code
    assert list(disagreements(masks, verdict)) == []
    assert not [one for one in verdict.expectations if one.error]
    for one in verdict.expectations:
        assert not one.code or one.success == (one.n_unexpected == 0)


def test_a_disagreement_is_named() -> None:
    masks = {"power_zero": np.array([True, False, True])}
    verdict = TableVerdict((), {"power_zero": frozenset({0, 1})}, frozenset({0, 1, 2}))
    (line,) = disagreements(masks, verdict)
    assert line.startswith("power_zero")
    assert "2 of them not in common" in line


def test_rows_that_were_not_looked_at_are_no_disagreement() -> None:
    masks = {"power_zero": np.array([True, False, True])}
    verdict = TableVerdict((), {"power_zero": frozenset({0})}, frozenset({0, 1}))
    assert list(disagreements(masks, verdict)) == []


def test_of_very_many_rows_a_sample_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
    row: Callable[..., dict[str, Any]],
    raw: Callable[..., pa.Table],
) -> None:
    monkeypatch.setattr("data_checks.expectations.MOST_ROWS", 30)
    frame = scramble(figures(raw(*(row(i) for i in range(60)))), seed=3)
    verdict = expect(frame, RULES)
    assert len(verdict.judged_rows) == 30
    assert {one.n_rows for one in verdict.expectations} == {30}
    assert list(disagreements(bad_rows(frame, RULES), verdict)) == []


def test_a_column_that_is_null_throughout_is_told(
    row: Callable[..., dict[str, Any]], raw: Callable[..., pa.Table]
) -> None:
    mute = {"node_power_w": None, "power_source": None}
    verdict = expect(figures(raw(*(row(i, **mute) for i in range(3)))), RULES)
    (missed,) = [one for one in verdict.expectations if not one.success]
    assert missed.code == ""
    assert missed.expectation.startswith("node_power_w observed")


def test_an_expectation_that_cannot_be_evaluated_carries_its_error(
    row: Callable[..., dict[str, Any]], raw: Callable[..., pa.Table]
) -> None:
    frame = figures(raw(row(0), row(1)))
    rule = Rule("lost", "there is such a column", ("no_such_column",), Within(0, 1))
    (lost,) = [one for one in expect(frame, [rule]).expectations if one.code == "lost"]
    assert not lost.success
    assert "no_such_column" in str(lost.error)


def test_nothing_phones_home(
    monkeypatch: pytest.MonkeyPatch,
    row: Callable[..., dict[str, Any]],
    raw: Callable[..., pa.Table],
) -> None:
    def refuse(*address: object) -> NoReturn:
        raise AssertionError(f"connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert expect(figures(raw(row(0))), RULES).expectations
