"""Keeps to what the administrator of the node says, read anew when the file changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.executor.frequency_desk import FrequencyDesk
from components.executor.known_signals import KnownSignals
from components.executor.move_budget import MoveBudget
from components.planning.administrator import Administration, read_administration
from components.planning.errors import AdministratorError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from components.actuation.frequency import Frequencies
    from components.executor.deciding import Change, Conditions
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.node.topology import Topology

log = logging.getLogger(__name__)


class Administering:
    """The administrator file in force; a damaged one changes nothing and is a line of health."""

    def __init__(
        self, path: Path | None, topology: Topology, frequencies: Frequencies | None = None
    ) -> None:
        """Take its path, and who sets frequencies; None: nothing is said, nothing is set."""
        self._path = path
        self._cpus = topology.ids
        self._seen: tuple[int, int] | None = None
        self._signals = KnownSignals()
        self._budget = MoveBudget()
        self.frequencies = FrequencyDesk(frequencies)
        self._wrong: tuple[str, ...] = ()
        self.says = Administration()

    @property
    def health(self) -> tuple[str, ...]:
        """What is wrong with the file, or with a signal it names, a line each."""
        return (*self._wrong, *self._signals.health, *self.frequencies.health)

    def refresh(self) -> None:
        """Read the file if it is another than before."""
        if self._path is None:
            return
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
        except OSError:
            seen = None
        if seen == self._seen and not (seen is None and self.says != Administration()):
            return
        self._seen = seen
        try:
            self.says = read_administration(self._path, self._cpus)
            self._wrong = ()
            self._signals.follow(self.says)
        except AdministratorError as error:
            self._wrong = (str(error),)
            log.warning(self._wrong[0])

    def keep_frequencies(self, executor: Executor) -> None:
        """Set the CPUs' frequencies, where anything may be changed now."""
        if not executor.is_paused and self.may_act(executor.wall_time()):
            self.frequencies.keep_to(self.says.frequency, executor)

    def may_act(self, now: datetime) -> bool:
        """Whether anything may be changed at this time of the day, by the machine's time zone."""
        return self.says.hours is None or self.says.hours.holds(now.astimezone())

    def joule_cost(self, at_s: float, now_s: float) -> float:
        """What a joule is to count at a time, in seconds since the epoch, by what is known now."""
        return self._signals.joule_cost(self.says, at_s, now_s)

    def within_budget(
        self, changes: tuple[Change, ...], runs: list[JobRun], conditions: Conditions
    ) -> tuple[Change, ...]:
        """The changes that may be made within the moves an hour that jobs are allowed."""
        most = self.says.most_moves_per_hour
        return self._budget.let_through(changes, runs, conditions, most)

    def leaves(self, runs: list[JobRun]) -> list[JobRun]:
        """The jobs that may be touched."""
        return [run for run in runs if run.name not in self.says.never_touch]
