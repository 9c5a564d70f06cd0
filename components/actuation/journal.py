"""What every container was set to before we changed it: kept through crashes, and given back."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.actuation.errors import ContainerGoneError, JournalError
from components.actuation.journal_format import Original, decode, encode
from components.durable_file import replace_file, sync_folder
from components.errors import JoulepilotError
from components.node.cpuset import CpuSet, format_cpu_list, parse_cpu_list

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.actuation.host import Host

__all__ = [
    "Journal",
    "Original",
    "Restoration",
    "RestoreReport",
    "Restored",
    "restore",
    "restore_all",
]

_LOG = logging.getLogger(__name__)


class Journal:
    """The originals of all containers that we changed; in a file, one writer.

    A damaged file never keeps the executor from starting: it is set aside under another name,
    what was whole in it is kept, and `health` says so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._health: list[str] = []
        self._originals = {o.container_id: o for o in self._load()}

    @property
    def health(self) -> tuple[str, ...]:
        """One line per thing that was wrong with the file; empty when all is well."""
        return tuple(self._health)

    def record(self, container_id: str, name: str, configured: str) -> None:
        """Keep an original before the first write; a container already kept is left as it is.

        Raises:
            JournalError: it could not be made durable: the container must not be changed.
        """
        with self._lock:
            if container_id not in self._originals:
                original = Original(container_id, name, configured)
                self._replace({**self._originals, container_id: original})

    def originals(self) -> Mapping[str, Original]:
        """All that are kept, by container id."""
        with self._lock:
            return dict(self._originals)

    def forget(self, container_id: str) -> None:
        """Drop an original: it was restored, or its container is gone for good.

        Raises:
            JournalError: the file could not be written.
        """
        with self._lock:
            if container_id in self._originals:
                rest = {i: o for i, o in self._originals.items() if i != container_id}
                self._replace(rest)

    def _replace(self, originals: dict[str, Original]) -> None:
        try:
            replace_file(self._path, encode(originals.values()))
        except OSError as error:
            raise JournalError(
                f"asked to write the journal {self._path}",
                str(error),
                "free space or mend the folder; until then no container is changed",
            ) from error
        self._originals = originals

    def _load(self) -> tuple[Original, ...]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._report(f"the journal {self._path} cannot be read: {error}")
            return ()
        text = decode(data)
        if text.problem is not None:
            self._set_aside(text.problem, text.originals)
        return text.originals

    def _set_aside(self, problem: str, whole: tuple[Original, ...]) -> None:
        aside = _free_name(self._path)
        try:
            self._path.rename(aside)
            sync_folder(self._path.parent)
            if whole:
                replace_file(self._path, encode(whole))
        except OSError as error:
            self._report(f"the journal {self._path} is damaged and cannot be replaced: {error}")
            return
        self._report(
            f"the journal was damaged: {problem}; it was set aside as {aside}: see there which "
            "containers may still have CPUs that joulepilot gave them"
        )

    def _report(self, line: str) -> None:
        self._health.append(line)
        _LOG.error(line)


class Restoration(StrEnum):
    """How restoring one container ended."""

    RESTORED = "restored"
    PARTLY = "partly"
    """Some of its CPUs are not available any more; it has those that are."""
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one original."""

    original: Original
    outcome: Restoration
    cpus: CpuSet | None
    """Effective CPUs, read back; None when the container is gone or could not be changed."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What became of all originals."""

    containers: tuple[Restored, ...]

    @property
    def complete(self) -> bool:
        """Whether every container that is still there has its original setting."""
        return all(c.outcome in {Restoration.RESTORED, Restoration.GONE} for c in self.containers)


def restore_all(host: Host, journal: Journal) -> RestoreReport:
    """Restore every container of the journal; what is not as it was stays in the journal.

    Raises:
        JournalError: the journal could not be written.
    """
    originals = journal.originals().values()
    return RestoreReport(tuple(_restore(host, journal, original) for original in originals))


def restore(host: Host, journal: Journal, container_id: str) -> Restored | None:
    """Restore one container and forget its original when it has it again, or is gone.

    Returns:
        None when the journal has nothing of it: it was never changed.

    Raises:
        JournalError: the journal could not be written.
    """
    original = journal.originals().get(container_id)
    return None if original is None else _restore(host, journal, original)


def _restore(host: Host, journal: Journal, original: Original) -> Restored:
    restored = _attempt(host, original)
    if restored.outcome in {Restoration.RESTORED, Restoration.GONE}:
        journal.forget(original.container_id)
    return restored


def _attempt(host: Host, original: Original) -> Restored:
    try:
        cpus = host.restore(original.container_id, original.configured)
    except ContainerGoneError as error:
        return Restored(original, Restoration.GONE, None, str(error))
    except JoulepilotError as error:
        return Restored(original, Restoration.FAILED, None, str(error))
    missing = parse_cpu_list(original.configured) - cpus
    if missing:
        reason = f"CPUs [{format_cpu_list(missing)}] are not available any more"
        return Restored(original, Restoration.PARTLY, cpus, reason)
    return Restored(original, Restoration.RESTORED, cpus)


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside
