"""Rows held against the rules, one mask per rule; the masks decide."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from data_checks.rule import Absent, OneOf, Rule, Within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from data_checks.rule import Test

    Mask = NDArray[np.bool_]

_LONGEST_SHOWN = 240


def bad_rows(frame: pd.DataFrame, rules: Sequence[Rule]) -> dict[str, Mask]:
    """For each rule's code, which rows break it.

    Returns:
        Shape (rows,) each. What was not observed (NaN, None) breaks no rule.
    """
    return {
        rule.code: np.any([_fails(frame[name], rule.test) for name in rule.columns], axis=0)
        for rule in rules
    }


def found(row: Mapping[str, object], rule: Rule) -> str:
    """Say what was found of a row that breaks a rule, by the fields and figures that show it.

    Of several columns that are tested one by one only those that fail are shown.
    """
    names = rule.shows or [name for name in rule.columns if _breaks(row[name], rule.test)]
    given = [name for name in names if row.get(name) is not None]
    return "; ".join(f"{name} {_text(row[name])}" for name in given) or "absent"


def _fails(column: pd.Series, test: Test) -> Mask:
    if isinstance(test, Absent):
        return np.asarray(column.notna(), dtype=np.bool_)
    if isinstance(test, OneOf):
        return np.asarray(column.notna() & ~column.isin(test.words), dtype=np.bool_)
    return _is_outside(column.to_numpy(dtype=np.float64), test)


def _is_outside(values: NDArray[np.float64], test: Within) -> Mask:
    too_low = values <= test.low if test.above_low else values < test.low
    return too_low | (values > test.high)


def _breaks(value: object, test: Test) -> bool:
    return bool(_fails(pd.Series([value]), test)[0])


def _text(value: object) -> str:
    if isinstance(value, datetime):
        text = value.isoformat(timespec="milliseconds")
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
