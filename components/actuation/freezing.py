"""Pausing whole containers: what we paused is journalled first, and nothing else is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from components.actuation.errors import ContainerGoneError, RefusedError
from components.actuation.journal import Journal, Restoration, Restored
from components.errors import JoulepilotError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.actuation.host import Container

RUNS_AGAIN = "it runs again"


class Freezer(Protocol):
    """Stops all of a container in mid-step, and lets it go on. What is set is read back.

    Every method raises as those of `Host`.
    """

    def is_frozen(self, container_id: str) -> bool:
        """Whether it is paused, by whomever."""
        ...

    def freeze(self, container_id: str) -> None:
        """Pause it.

        Raises:
            ApplyError: it goes on all the same.
        """
        ...

    def thaw(self, container_id: str) -> None:
        """Let it go on.

        Raises:
            ApplyError: it stays paused all the same.
        """
        ...


class FreezeJournal:
    """The one of a node who pauses; the journal's file is of the same form as that of CPUs."""

    def __init__(
        self, freezer: Freezer, path: Path, is_managed: Callable[[Container], bool]
    ) -> None:
        """Take who pauses, where it is written down, and what says that we may."""
        self._freezer = freezer
        self._journal = Journal(path)
        self._is_managed = is_managed

    @property
    def health(self) -> tuple[str, ...]:
        """One line per thing that was wrong with the file; empty when all is well."""
        return self._journal.health

    def is_ours(self, container_id: str) -> bool:
        """Whether we paused a container and have not resumed it."""
        return container_id in self._journal.originals()

    def is_frozen(self, container_id: str) -> bool:
        """Whether it is paused, by whomever."""
        return self._freezer.is_frozen(container_id)

    def freeze(self, container: Container) -> None:
        """Pause a container.

        Raises:
            JournalError: that could not be made durable, so it was not paused.
            RefusedError: nothing says that we may.
            ApplyError, HostAwayError, ContainerGoneError: see Freezer.
        """
        if not self._is_managed(container):
            raise RefusedError(
                f"asked to pause {container.name}",
                "nothing says that joulepilot may change it",
                "label it joulepilot.enable=true, or see joulepilot-node status",
            )
        self._journal.record(container.id, container.name, "")
        self._freezer.freeze(container.id)

    def thaw(self, container_id: str) -> Restored | None:
        """Let a container go on that we paused; None where we never did.

        Raises:
            JournalError: the journal could not be written.
        """
        original = self._journal.originals().get(container_id)
        if original is None:
            return None
        try:
            self._freezer.thaw(container_id)
        except ContainerGoneError as error:
            restored = Restored(original, Restoration.GONE, None, str(error))
        except JoulepilotError as error:
            return Restored(original, Restoration.FAILED, None, str(error))
        else:
            restored = Restored(original, Restoration.RESTORED, None, RUNS_AGAIN)
        self._journal.forget(container_id)
        return restored

    def thaw_all(self) -> tuple[Restored, ...]:
        """Let everything go on that we paused; what fails stays in the journal.

        Raises:
            JournalError: the journal could not be written.
        """
        outcomes = [self.thaw(container_id) for container_id in self._journal.originals()]
        return tuple(each for each in outcomes if each is not None)
