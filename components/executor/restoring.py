"""Puts back what an executor left behind that runs no more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.docker_host import DockerHost
from components.actuation.freezing import FreezeJournal
from components.actuation.frequency import Frequencies
from components.actuation.hint_journal import HintJournal
from components.actuation.journal import Journal, RestoreReport, restore_all
from components.actuation.process_host import ProcessHost
from components.executor.errors import CommandError
from components.executor.restored import restored_to_plain

if TYPE_CHECKING:
    from components.executor.node_home import NodeHome
    from components.executor.wire import Plain

SYSFS = Path("/sys")


def restore_left_behind(
    home: NodeHome, *, host: str, docker_socket: Path, processes: Path | None
) -> Plain:
    """Restore every container of a home's journal.

    Raises:
        CommandError: the home has never held an executor.
        LockedError: an executor has this home after all.
        JournalError: the journal could not be written.
    """
    if not home.folder.is_dir():
        raise CommandError(
            f"asked to restore what {home.home} changed",
            "no executor was ever run with this home",
            "give the --home it was run with",
        )
    with home.lock():
        journal = Journal(home.journal)
        opened = _open(host, docker_socket, processes or home.home / "processes")
        report = restore_all(opened, journal)
        hints = HintJournal(home.hints).restore_all()
        thawed = FreezeJournal(opened, home.frozen, lambda _container: False).thaw_all()
        frequencies = Frequencies(SYSFS, home.frequencies).restore_all()
        report = RestoreReport((*report.containers, *hints, *thawed, *frequencies))
    return restored_to_plain(report, paused=False)


def _open(host: str, docker_socket: Path, processes: Path) -> DockerHost | ProcessHost:
    return ProcessHost(processes) if host == "process" else DockerHost(docker_socket)
