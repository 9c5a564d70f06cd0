"""Decides for all services of a node: together where that can be done, else each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.deciding import decide
from components.jobs.job import Mode

if TYPE_CHECKING:
    from components.executor.deciding import Change
    from components.executor.loop import Executor


def decide_all(
    executor: Executor, prober: str | None, at_s: float
) -> tuple[tuple[Change, ...], str | None]:
    """Say what is to change, in the order to change it, and who may probe."""
    administering = executor.administering
    if not administering.may_act(executor.wall_time()):
        return (), prober
    runs = administering.leaves([run for run in executor.runs if run.mode is not Mode.OFF])
    conditions, brain = executor.conditions(at_s), executor.deciding
    decided = None
    if executor.joint is not None and brain is not None and executor.has_policy:
        decided = executor.joint.decide(runs, conditions, brain, prober, administering.says)
    if decided is None:
        decided = decide(runs, conditions, prober)
    changes, prober = decided
    return administering.within_budget(changes, runs, conditions), prober
