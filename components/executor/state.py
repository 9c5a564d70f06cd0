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

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


class StateStore:
    """Keeps the state in one file; a damaged one is set aside, and nothing is remembered.

    The loop and the release follower write fields of their own, each as a whole.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.health: tuple[str, ...] = ()
        """One line per thing that was wrong with the file."""
        self.state = self._read()

    def change(self, **changes: object) -> NodeState:
        """Replace fields and keep the result; a disk that fails is reported, not fatal."""
        with self._lock:
            changed = replace(self.state, **changes)  # type: ignore[arg-type]  # fields by name
            if changed != self.state:
                self.state = changed
                self._write()
            return self.state

    def _write(self) -> None:
        content = state_to_object(self.state)
        try:
            replace_file(
                self._path, json.dumps({"sha256": _digest(content), "state": content}, indent=1)
            )
        except OSError as error:
            self.health = (f"{self._path} cannot be written: {error}; make room for it",)
            log.warning(self.health[0])
        else:
            self.health = ()

    def _read(self) -> NodeState:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
            content = document["state"]
            if document["sha256"] != _digest(content):
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


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
