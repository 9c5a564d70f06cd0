"""What every container was set to before we changed it, kept through crashes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.actuation.host import Host
    from components.node.cpuset import CpuSet


@dataclass(frozen=True, slots=True)
class Original:
    """What a container was set to before we changed it."""

    container_id: str
    name: str
    configured: str
    """As `Host.configured_cpus` returned it."""


class Journal:
    """The originals of all containers that we changed; in a file, one writer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def health(self) -> tuple[str, ...]:
        """One line per thing that was wrong with the file; empty when all is well."""
        raise NotImplementedError

    def record(self, container_id: str, name: str, configured: str) -> None:
        """Keep an original before the first write; a container already kept is left as it is.

        Raises:
            JournalError: it could not be made durable: the container must not be changed.
        """
        raise NotImplementedError

    def originals(self) -> Mapping[str, Original]:
        """All that are kept, by container id."""
        raise NotImplementedError

    def forget(self, container_id: str) -> None:
        """Drop an original: it was restored, or its container is gone for good.

        Raises:
            JournalError: the file could not be written.
        """
        raise NotImplementedError


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


def restore(host: Host, journal: Journal, container_id: str) -> Restored:
    """Restore one container of the journal and forget it when that succeeded."""
    raise NotImplementedError


def restore_all(host: Host, journal: Journal) -> RestoreReport:
    """Restore every container of the journal; those that failed stay in it."""
    raise NotImplementedError
