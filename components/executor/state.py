"""What an executor remembers over a restart: releases, last good allocations, holds."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.errors import JoulepilotError
from components.executor.node_state import NodeState, state_from_object, state_to_object
from components.executor.write_behind import WriteBehind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)


class StateStore:
    """Keeps the state in one file; a damaged one is set aside, and nothing is remembered.

    The loop and the release follower write fields of their own, each as a whole.
    """

    def __init__(self, path: Path, *, writes_behind: bool = False) -> None:
        """Read what is there; with `writes_behind`, `close` has to be called in the end."""
        self._path = path
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self.health: tuple[str, ...] = ()
        """One line per thing that was wrong with the file."""
        self.state = self._read()
        self._behind = WriteBehind(self._write) if writes_behind else None

    def change(self, **changes: object) -> NodeState:
        """Replace fields; they are on disk when this returns. A disk that fails is reported."""
        if self._replace(changes):
            self._write()
        return self.state

    def note(self, **changes: object) -> NodeState:
        """Replace fields that a crash may cost; they are on disk soon, and nobody waits for it."""
        if self._replace(changes):
            if self._behind is None:
                self._write()
            else:
                self._behind.ask()
        return self.state

    def close(self) -> None:
        """Write what was noted."""
        if self._behind is not None:
            self._behind.close()

    def _replace(self, changes: Mapping[str, object]) -> bool:
        with self._lock:
            before = self.state
            self.state = replace(before, **changes)  # type: ignore[arg-type]  # fields by name
            return self.state != before

    def _write(self) -> None:
        with self._writing:
            content = json.dumps(state_to_object(self.state), sort_keys=True)
            document = f'{{"sha256": "{_digest(content)}", "state": {content}}}'
            try:
                replace_file(self._path, document)
            except OSError as error:
                self.health = (f"{self._path} cannot be written: {error}; make room for it",)
                log.warning(self.health[0])
            else:
                self.health = ()

    def _read(self) -> NodeState:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
            content = document["state"]
            if document["sha256"] != _digest(json.dumps(content, sort_keys=True)):
                return self._set_aside("its content does not fit its checksum")
            return state_from_object(content)
        except FileNotFoundError:
            return NodeState()
        except (OSError, ValueError, KeyError, TypeError, JoulepilotError) as error:
            return self._set_aside(f"{type(error).__name__}: {error}")

    def _set_aside(self, why: str) -> NodeState:
        aside = self._path.with_name(f"{self._path.name}.damaged")
        line = f"{self._path} was damaged ({why}) and is set aside as {aside.name}"
        try:
            self._path.replace(aside)
        except OSError as error:
            line = f"{self._path} is damaged ({why}) and cannot be set aside: {error}"
        log.warning(line)
        self.health = (line,)
        return NodeState()


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
