"""Changes what containers run on: the original is journalled first, the result is read back."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.actuation.errors import RefusedError
from components.actuation.journal import Restoration, restore
from components.node.cpuset import parse_cpu_list

if TYPE_CHECKING:
    from components.actuation.host import Container, Host
    from components.actuation.journal import Journal, Restored
    from components.node.cpuset import CpuSet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What is really in force, against what we believe."""

    cpus: CpuSet
    is_foreign: bool
    """Someone else wrote another value; what merely shrank (CPUs offline) is not foreign."""


class Actor:
    """The one writer of a node's cpusets."""

    def __init__(self, host: Host, journal: Journal) -> None:
        self._host = host
        self._journal = journal

    def is_journalled(self, container_id: str) -> bool:
        """Whether we changed a container and have not put it back."""
        return container_id in self._journal.originals()

    def journalled(self) -> frozenset[str]:
        """Ids of all containers that we changed and have not put back."""
        return frozenset(self._journal.originals())

    def original_of(self, container: Container, online: CpuSet) -> CpuSet:
        """The CPUs a container had before we touched it, as far as they are online.

        Raises:
            HostAwayError, ContainerGoneError: see Host.
        """
        original = self._journal.originals().get(container.id)
        if original is None:
            return self._host.effective_cpus(container.id)
        return (parse_cpu_list(original.configured) & online) or online

    def set(self, container: Container, cpus: CpuSet) -> CpuSet:
        """Give a container CPUs and return those in force.

        Raises:
            JournalError: the original could not be made durable, so nothing was changed.
            ApplyError, RefusedError, HostAwayError, ContainerGoneError: see Host.
        """
        is_first = not self.is_journalled(container.id)
        if is_first:
            configured = self._host.configured_cpus(container.id)
            self._journal.record(container.id, container.name, configured)
        try:
            return self._host.apply(container.id, cpus)
        except RefusedError:
            if is_first:  # nothing was changed, and what it has may be another executor's
                self._journal.forget(container.id)
            raise

    def give_back(self, container_id: str) -> Restored | None:
        """Give a container its original CPUs again; None where we never changed it.

        Raises:
            JournalError: the journal could not be written.
        """
        restored = restore(self._host, self._journal, container_id)
        if restored is not None and restored.outcome is not Restoration.RESTORED:
            name = restored.original.name
            log.warning("%s: %s %s", name, restored.outcome, restored.reason)
        return restored

    def adopt_foreign(self, container_id: str) -> None:
        """What someone else set is what is to be put back from now on.

        Raises:
            JournalError: the journal could not be written.
        """
        if self.is_journalled(container_id):
            self._journal.forget(container_id)

    def look(self, container: Container, expected: CpuSet) -> Look:
        """Read what is in force.

        Raises:
            HostAwayError, ContainerGoneError: see Host.
        """
        cpus = self._host.effective_cpus(container.id)
        if cpus == expected:
            return Look(cpus, is_foreign=False)
        configured = parse_cpu_list(self._host.configured_cpus(container.id))
        shrank = cpus < expected and (not configured or configured == expected)
        return Look(cpus, is_foreign=not shrank)
