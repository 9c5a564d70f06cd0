"""What was measured so far, on disk after every point, so that a recording can be taken up again.

The first line says how and where the recording is made, each other line is one finished point.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models.device_classifier.characterise_measure import Turn
from models.device_classifier.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished point: the turns of all devices, and why some could not take theirs."""

    point: str
    measured_at: str
    turns: tuple[Turn, ...]
    refused: Mapping[str, str]


class Journal:
    """A file of finished points; `begin` it, then `add` to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._finished: dict[str, Measured] = {}

    @property
    def finished(self) -> Mapping[str, Measured]:
        """By name of the point, those of an earlier run included."""
        return self._finished

    def begin(self, facts: Facts) -> None:
        """Start the file, or take it up where it was left.

        Raises:
            RecordingError: it was made in another way, or cannot be read or written.
        """
        wanted = json.loads(json.dumps(dict(facts)))
        try:
            if self.path.is_file() and (lines := self.path.read_text().splitlines()):
                self._take_up(lines, wanted)
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._write("w", json.dumps(wanted))
        except OSError as error:
            raise self._bad(str(error), "give permission or space") from error

    def add(self, measured: Measured) -> None:
        """Keep a finished point; it would survive a crash when this returns.

        Raises:
            RecordingError: it cannot be written.
        """
        try:
            self._write("a", json.dumps(asdict(measured)))
        except OSError as error:
            raise self._bad(str(error), "give space; the points so far are kept") from error
        self._finished[measured.point] = measured

    def _take_up(self, lines: list[str], wanted: Facts) -> None:
        found = self._parsed(lines[0])
        differing = [key for key in {*found, *wanted} if found.get(key) != wanted.get(key)]
        if differing:
            raise self._bad(
                f"it was begun with another {', '.join(sorted(differing))}",
                "give the same arguments, another --name, or remove the file to begin anew",
            )
        whole = [line for line in lines[1:] if line.endswith("}")]
        for line in whole:
            measured = self._measured(line)
            self._finished[measured.point] = measured
        if len(whole) + 1 < len(lines):  # the last one was cut off
            self._write("w", "\n".join([lines[0], *whole]))

    def _measured(self, line: str) -> Measured:
        kept = self._parsed(line)
        try:
            turns = tuple(Turn(**turn) for turn in kept.pop("turns"))
            return Measured(**kept, turns=turns)
        except (KeyError, TypeError) as error:
            found = f"a line was written by another version: {error}"
            raise self._bad(found, "remove it to begin anew") from error

    def _parsed(self, line: str) -> dict[str, Any]:
        try:
            parsed = json.loads(line)
        except ValueError as error:
            raise self._bad(f"a line is damaged: {error}", "remove it to begin anew") from error
        return dict(parsed)

    def _write(self, mode: str, line: str) -> None:
        with self.path.open(mode, encoding="utf-8") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())

    def _bad(self, found: str, remedy: str) -> RecordingError:
        return RecordingError(f"asked to record into {self.path}", found, remedy)
