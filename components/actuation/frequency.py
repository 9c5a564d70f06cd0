"""Sets the frequencies of a node's CPUs: journalled first, read back, and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.actuation.errors import ApplyError, RefusedError
from components.actuation.journal import Journal, Restoration, Restored
from components.errors import JoulepilotError
from components.node.frequency import BOUNDS, Knob, frequency_folders, read_knob, why_not

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.actuation.journal import Original
    from components.node.frequency import FrequencyWish

IS_BACK = "its frequency is as it was"
_NEAR = 0.03
"""Drivers round a bound to a step of theirs."""


class Frequencies:
    """The one writer of a node's frequencies; the journal's file is of the form of that of CPUs."""

    def __init__(self, sysfs: Path, path: Path) -> None:
        self._sysfs = sysfs.resolve()
        self._journal = Journal(path)

    @property
    def health(self) -> tuple[str, ...]:
        """One line per thing that was wrong with the journal; empty when all is well."""
        return self._journal.health

    def adopt_foreign(self, wish: FrequencyWish) -> tuple[str, ...]:
        """What someone else set since is to stay; a line for each such file.

        Raises:
            JournalError: the journal could not be written.
        """
        lines = []
        for folder in frequency_folders(self._sysfs):
            for knob, text in wish.values.items():
                found = read_knob(folder, knob) or "absent"
                if not _is_same(knob, found, text):
                    self._journal.forget(self._key(folder, knob))
                    lines.append(f"someone else set {knob} of {folder.name}: {found}, not {text}")
        return tuple(lines)

    def set(self, wish: FrequencyWish) -> None:
        """Set all CPUs alike.

        Raises:
            RefusedError: the node cannot do that; nothing was written.
            JournalError: what was there could not be kept; nothing was written.
            ApplyError: the kernel has something else in force; a part may be written.
        """
        folders = frequency_folders(self._sysfs)
        if wish.values and not folders:
            raise _refused(wish, "the kernel scales no frequency here")
        for folder in folders:
            for knob, text in wish.values.items():
                reason = why_not(folder, knob, text)
                if reason is not None:
                    raise _refused(wish, f"{folder.name}: {reason}")
        for folder in folders:
            for knob in wish.values:
                before = read_knob(folder, knob) or ""
                self._journal.record(self._key(folder, knob), f"{knob} of {folder.name}", before)
        for folder in folders:
            _write(folder, wish.values)

    def restore_all(self) -> tuple[Restored, ...]:
        """Put back what stood in every file; what fails stays in the journal.

        Raises:
            JournalError: the journal could not be written.
        """
        by_folder: dict[Path, dict[Knob, Original]] = {}
        for original in self._journal.originals().values():
            file = self._sysfs / original.container_id
            by_folder.setdefault(file.parent, {})[Knob(file.name)] = original
        outcomes = [one for item in by_folder.items() for one in _restore(*item)]
        for one in outcomes:
            if one.outcome is not Restoration.FAILED:
                self._journal.forget(one.original.container_id)
        return tuple(outcomes)

    def _key(self, folder: Path, knob: Knob) -> str:
        return str((folder / knob).relative_to(self._sysfs))


def _restore(folder: Path, originals: Mapping[Knob, Original]) -> list[Restored]:
    if not folder.is_dir():
        gone = f"{folder} is not there any more"
        return [Restored(one, Restoration.GONE, None, gone) for one in originals.values()]
    try:
        _write(folder, {knob: one.configured for knob, one in originals.items()})
    except JoulepilotError as error:
        return [Restored(o, Restoration.FAILED, None, str(error)) for o in originals.values()]
    return [Restored(one, Restoration.RESTORED, None, IS_BACK) for one in originals.values()]


def _write(folder: Path, values: Mapping[Knob, str]) -> None:
    for knob in _order(folder, values):
        text = values[knob]
        try:
            (folder / knob).write_text(text)
            found = read_knob(folder, knob) or ""
        except OSError as error:
            found = str(error)
        if not _is_same(knob, found, text):
            raise ApplyError(
                f"asked for {knob} = {text} in {folder}",
                f"in force is {found}",
                "see whether another program sets it, or joulepilot-node doctor",
            )


def _order(folder: Path, values: Mapping[Knob, str]) -> list[Knob]:
    """The governor first, of which the preference hangs; a bound never beyond the other."""
    order = [knob for knob in Knob if knob in values]
    most = values.get(Knob.MOST)
    least_now = read_knob(folder, Knob.LEAST)
    if most is not None and least_now and int(most) >= int(least_now):
        order.sort(key=lambda knob: knob is Knob.LEAST)
    return order


def _is_same(knob: Knob, found: str, text: str) -> bool:
    if knob in BOUNDS and found.isdigit() and text.isdigit():
        return abs(int(found) - int(text)) <= _NEAR * int(text)
    return found == text


def _refused(wish: FrequencyWish, found: str) -> RefusedError:
    asked = ", ".join(f"{knob} = {text}" for knob, text in wish.values.items())
    return RefusedError(
        f"asked for {asked}", found, "see joulepilot-node doctor for what this node can do"
    )
