"""Holds jobs to the moves an hour that the administrator allows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.joint_desk import drop_overlaps
from components.planning.allowance import Allowance
from components.planning.reserve import is_shared
from components.planning.wish import Purpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.executor.deciding import Change, Conditions
    from components.executor.job_run import JobRun


class MoveBudget:
    """So many moves of a job, probes included; widening in an emergency always passes."""

    def __init__(self) -> None:
        self._most: int | None = None
        self._left: dict[str, Allowance] = {}

    def let_through(
        self,
        changes: Sequence[Change],
        runs: Sequence[JobRun],
        conditions: Conditions,
        most: int | None,
    ) -> tuple[Change, ...]:
        """The changes that may be made, in their order; the other jobs are told why they wait.

        Args:
            changes: as they were decided.
            runs: all jobs of the node.
            conditions: of the node, now.
            most: moves of one job in an hour; None: as many as it takes.
        """
        if most != self._most:
            self._most, self._left = most, {}
        if most is None:
            return tuple(changes)
        kept = {}
        for change in changes:
            name = change.run.name
            left = self._left.setdefault(name, Allowance(float(most), float(most)))
            if not _moves(change) or _is_urgent(change) or left.allows(conditions.at_s):
                kept[name] = change
            else:
                change.run.denied = f"its {most} moves an hour are spent"
        if not is_shared(conditions.topology):
            drop_overlaps(kept, runs)
        for change in kept.values():
            if _moves(change):
                self._left[change.run.name].spend(conditions.at_s)
        return tuple(kept.values())


def _moves(change: Change) -> bool:
    return change.cpus != change.run.in_force.cpus


def _is_urgent(change: Change) -> bool:
    return change.is_original or change.purpose is Purpose.EMERGENCY
