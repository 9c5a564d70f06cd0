"""The same rules as expectations on the whole table. The only file that knows Great Expectations.

Its verdict and report are for people; a second count of the same rows guards the masks.
"""

from __future__ import annotations

import logging
import math
import os
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from data_checks.report import ExpectationVerdict
from data_checks.rule import Absent, OneOf

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

    import pandas as pd

    from data_checks.rule import Rule, Test

MOST_ROWS = 100_000
"""More rows than that are judged on a sample of as many: a million take ten seconds."""
_OBSERVED = ("latency_mean_ms", "node_power_w", "utilization_highest")
_OBSERVED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """What Great Expectations found."""

    expectations: tuple[ExpectationVerdict, ...]
    bad_rows: Mapping[str, frozenset[int]]
    """Index labels of the rows that break each rule, by its code."""
    judged_rows: frozenset[int]
    """Index labels of the rows it looked at."""


def expect(
    frame: pd.DataFrame, rules: Sequence[Rule], *, observed: Sequence[str] | None = None
) -> TableVerdict:
    """Hold a table against the rules, and against what no single row can show.

    An expectation that cannot be evaluated is a verdict with an error; it is not raised.

    Args:
        frame: from `measure` or `measure_devices`; its index is unique.
        rules: each becomes one expectation per column.
        observed: columns that most rows must have a value in; None: those of samples.
    """
    gx = _great_expectations()
    looked_at = frame if len(frame) <= MOST_ROWS else frame.sample(MOST_ROWS, random_state=0)
    planned = [*_of_rules(gx, rules), *_of_table(gx, _OBSERVED if observed is None else observed)]
    suite = gx.ExpectationSuite(name="samples", expectations=planned)
    batch = _batch(gx, looked_at)
    results = batch.validate(suite, result_format={"result_format": "COMPLETE"}).results
    bad: dict[str, set[int]] = {rule.code: set() for rule in rules}
    for result in results:
        code = result.expectation_config.meta["code"]
        bad.setdefault(code, set()).update(result.result.get("unexpected_index_list") or ())
    bad.pop("", None)
    verdicts = [_verdict(result, len(looked_at)) for result in results]
    return TableVerdict(
        expectations=tuple(sorted(verdicts, key=lambda v: (v.code == "", v.success))),
        bad_rows={code: frozenset(rows) for code, rows in bad.items()},
        judged_rows=frozenset(looked_at.index),
    )


@cache
def _great_expectations() -> ModuleType:
    """Import it with its phone-home off; it warns about its own dependencies and takes seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _hush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations
        import great_expectations.expectations
    _hush()  # once more: importing it sets levels of its own
    return great_expectations


def _hush() -> None:
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _batch(gx: ModuleType, frame: pd.DataFrame) -> Any:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("raw")
    return asset.add_batch_definition_whole_dataframe("new").get_batch({"dataframe": frame})


def _of_rules(gx: ModuleType, rules: Sequence[Rule]) -> Iterable[Any]:
    for rule in rules:
        meta = {"code": rule.code, "says": str(rule.test)}
        for column in rule.columns:
            yield _expectation(gx, column, rule.test, meta)


def _expectation(gx: ModuleType, column: str, test: Test, meta: Mapping[str, str]) -> Any:
    kinds = gx.expectations
    if isinstance(test, Absent):
        return kinds.ExpectColumnValuesToBeNull(column=column, meta=dict(meta))
    if isinstance(test, OneOf):
        return kinds.ExpectColumnValuesToBeInSet(
            column=column, value_set=list(test.words), meta=dict(meta)
        )
    return kinds.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=test.low if math.isfinite(test.low) else None,
        max_value=test.high if math.isfinite(test.high) else None,
        strict_min=test.above_low,
        meta=dict(meta),
    )


def _of_table(gx: ModuleType, observed: Sequence[str]) -> Iterable[Any]:
    """A column that is null throughout passes every range: say so."""
    meta = {"code": "", "says": f"observed in at least {_OBSERVED_SHARE:.0%} of the rows"}
    for column in observed:
        yield gx.expectations.ExpectColumnValuesToNotBeNull(
            column=column, mostly=_OBSERVED_SHARE, meta=dict(meta)
        )


def _verdict(result: Any, n_rows: int) -> ExpectationVerdict:
    config = result.expectation_config
    return ExpectationVerdict(
        code=config.meta["code"],
        expectation=f"{config.kwargs['column']} {config.meta['says']}",
        n_rows=n_rows,
        n_unexpected=int(result.result.get("unexpected_count", 0)),
        success=bool(result.success),
        error=_trouble(result.exception_info),
    )


def _trouble(exception_info: Mapping[str, Any]) -> str | None:
    """Read what was raised within, which Great Expectations only notes."""
    if "raised_exception" in exception_info:
        raised = [exception_info] if exception_info["raised_exception"] else []
    else:
        raised = [info for info in exception_info.values() if info["raised_exception"]]
    return str(raised[0]["exception_message"]) if raised else None
