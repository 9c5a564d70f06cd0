"""What stood in hint directories before we wrote there: kept through crashes, and put back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.hint import read_hint_text, write_hint_text
from components.actuation.journal import Journal, Restoration, Restored
from components.errors import JoulepilotError

if TYPE_CHECKING:
    from components.actuation.journal import Original

IS_BACK = "its device hint is as it was"


class HintJournal:
    """The one writer of a node's hints; the journal's file is of the same form as that of CPUs."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)

    @property
    def health(self) -> tuple[str, ...]:
        """One line per thing that was wrong with the file; empty when all is well."""
        return self._journal.health

    def is_journalled(self, container_id: str) -> bool:
        """Whether we wrote a hint for a container and have not put it back."""
        return container_id in self._journal.originals()

    def journalled(self) -> frozenset[str]:
        """Ids of all containers whose hint we wrote and have not put back."""
        return frozenset(self._journal.originals())

    def write(self, container_id: str, name: str, folder: Path, text: str) -> None:
        """Write a hint; what stood there before the first is made durable first.

        Raises:
            JournalError: the original could not be kept, so nothing was written.
            HintError: the hint could not be written.
        """
        if not self.is_journalled(container_id):
            before = json.dumps({"folder": str(folder), "hint": read_hint_text(folder)})
            self._journal.record(container_id, name, before)
        write_hint_text(folder, text)

    def forget(self, container_id: str) -> None:
        """What someone else wrote is to stay.

        Raises:
            JournalError: the journal could not be written.
        """
        self._journal.forget(container_id)

    def restore(self, container_id: str) -> Restored | None:
        """Put back what stood there; None where we never wrote.

        Raises:
            JournalError: the journal could not be written.
        """
        original = self._journal.originals().get(container_id)
        if original is None:
            return None
        restored = _attempt(original)
        if restored.outcome is not Restoration.FAILED:
            self._journal.forget(container_id)
        return restored

    def restore_all(self) -> tuple[Restored, ...]:
        """Put back every hint; what fails stays in the journal.

        Raises:
            JournalError: the journal could not be written.
        """
        outcomes = [self.restore(container_id) for container_id in self._journal.originals()]
        return tuple(each for each in outcomes if each is not None)


def _attempt(original: Original) -> Restored:
    try:
        before = json.loads(original.configured)
        folder, text = Path(before["folder"]), str(before["hint"])
    except (ValueError, KeyError, TypeError) as error:
        return Restored(original, Restoration.FAILED, None, f"its original is damaged: {error!r}")
    if not folder.is_dir():
        return Restored(original, Restoration.GONE, None, f"{folder} is not there any more")
    try:
        write_hint_text(folder, text)
    except JoulepilotError as error:
        return Restored(original, Restoration.FAILED, None, str(error))
    return Restored(original, Restoration.RESTORED, None, IS_BACK)
