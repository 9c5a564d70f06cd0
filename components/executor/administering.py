"""Keeps to what the administrator of the node says, read anew when the file changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.planning.administrator import Administration, read_administration
from components.planning.errors import AdministratorError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from components.executor.job_run import JobRun
    from components.node.topology import Topology

log = logging.getLogger(__name__)


class Administering:
    """The administrator file in force; a damaged one changes nothing and is a line of health."""

    def __init__(self, path: Path | None, topology: Topology) -> None:
        self._path = path
        self._cpus = topology.ids
        self._seen: tuple[int, int] | None = None
        self.says = Administration()
        self.health: tuple[str, ...] = ()

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
            self.health = ()
        except AdministratorError as error:
            self.health = (str(error),)
            log.warning(self.health[0])

    def may_act(self, now: datetime) -> bool:
        """Whether anything may be changed at this time of the day, by the machine's time zone."""
        return self.says.hours is None or self.says.hours.holds(now.astimezone())

    def leaves(self, runs: list[JobRun]) -> list[JobRun]:
        """The jobs that may be touched."""
        return [run for run in runs if run.name not in self.says.never_touch]
