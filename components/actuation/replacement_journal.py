"""A replacement under way, on disk: what another process needs to end it either way."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from components.actuation.errors import JournalError
from components.durable_file import replace_file, sync_folder

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """All that is decided before the first change; what was done is read from engine and router."""

    name: str
    """Of the container, before and after."""
    old_id: str
    old_address: str
    """`ADDRESS:PORT` of the old one, as the router's file named it."""
    restart_policy: str
    """Name of the old one's restart policy, given back when it is taken back."""
    restart_retries: int
    """Of that policy, where it is `on-failure`."""
    port: int
    router: str
    """Kind of the router: `nginx` or `haproxy`."""
    backend: str
    route_file: str
    reload_command: tuple[str, ...]

    @property
    def new_name(self) -> str:
        """Name of the new one until it takes the place."""
        return f"{self.name}{NEW_SUFFIX}"


NEW_SUFFIX = ".joulepilot-new"
"""Containers of such names are not jobs of their own."""


class ReplacementJournal:
    """Holds one replacement at most."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Underway | None:
        """What is under way; None where nothing is.

        Raises:
            JournalError: the file is damaged: what it was about has to be looked at by someone.
        """
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
            content = document["underway"]
            if document["sha256"] != _digest(content):
                raise self._damaged("its content does not fit its checksum")
            command = tuple(content.pop("reload_command"))
            return Underway(**content, reload_command=command)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(repr(error)) from error

    def write(self, underway: Underway) -> None:
        """Keep it, before anything is changed.

        Raises:
            JournalError: it cannot be made durable.
        """
        content = asdict(underway)
        text = json.dumps({"sha256": _digest(content), "underway": content}, indent=1)
        try:
            replace_file(self._path, text)
        except OSError as error:
            raise JournalError(
                f"asked to write {self._path}", str(error), "make room; nothing was changed"
            ) from error

    def clear(self) -> None:
        """It has ended.

        Raises:
            JournalError: the file cannot be removed.
        """
        try:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise JournalError(
                f"asked to remove {self._path}", str(error), "remove it by hand"
            ) from error

    def _damaged(self, found: str) -> JournalError:
        return JournalError(
            f"asked what replacement is under way by {self._path}",
            found,
            "see `docker ps -a --filter label=joulepilot-internal.replaces` and the router's file; "
            "remove the container the router does not name, then this file",
        )


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
