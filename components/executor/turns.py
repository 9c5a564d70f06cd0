"""Whose server is read in which tick: the windows of many jobs are spread over their length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from components.executor.demanding import demand_of
from components.jobs.job import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.executor.job_run import JobRun
    from components.executor.observation import Demand
    from components.executor.settings import ExecutorSettings
    from components.executor.sweep import SweepOrder

    Turn = tuple[JobRun, Demand]

_ROUNDING = 1e-9
ALL_AT_ONCE = 12
"""So many jobs are read in one tick, so that what is known of each is equally old."""


def whose_turn(
    runs: Iterable[JobRun], settings: ExecutorSettings, order: SweepOrder | None, at_s: float
) -> list[Turn]:
    """The jobs to read in this tick, in the order given, and what is demanded of their windows.

    A page, and what is decided by it, costs milliseconds: of more jobs than `ALL_AT_ONCE` hardly
    more are read than come due in a tick on average; who was not read for the longest time comes
    first. A job on trial is never kept waiting.
    """
    asked = [(run, demand_of(run, settings, order)) for run in runs if run.mode is not Mode.OFF]
    due = [turn for turn in asked if turn[0].observer.is_due(at_s, turn[1])]
    if len(asked) <= ALL_AT_ONCE or len(due) <= 1:
        return due
    on_trial = [turn for turn in due if turn[1].may_be_cut]
    waiting = [turn for turn in due if not turn[1].may_be_cut]
    per_tick = sum(settings.tick_s / demand.length_s for _, demand in asked)
    most = math.floor(per_tick + _ROUNDING) + 1
    waiting.sort(key=lambda turn: turn[0].observer.read_at_s)
    return on_trial + waiting[:most]
