"""The user's router in front of a job: one file of it names where requests go, and it is reloaded.

The file is the truth: it is replaced by an atomic rename, so at any instant it names the old
container or the new one, whoever dies. nginx includes it (`include /etc/joulepilot/routes/*.conf;`
in `http`), HAProxy reads it as one more configuration (`haproxy -W -f main.cfg -f routes/`).
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.actuation.errors import RouterError
from components.durable_file import sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

RELOAD_S = 30.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_COMMENT = re.compile(r"#.*")
_FILE_MODE = 0o644  # routers read it as users of their own


class RouterKind(StrEnum):
    """Whose language a file is written in."""

    NGINX = "nginx"
    HAPROXY = "haproxy"


_SERVERS = {
    RouterKind.NGINX: re.compile(r"\bserver\s+([^\s;{}]+)"),
    RouterKind.HAPROXY: re.compile(r"\bserver\s+\S+\s+(\S+)"),
}
"""The address after the word `server`; HAProxy gives each a name first."""


@dataclass(frozen=True, slots=True)
class FileRouter:
    """nginx or HAProxy, by a file of its own and a command that reloads it."""

    kind: RouterKind
    backend: str
    """Name of the upstream (nginx) or backend (HAProxy)."""
    file: Path
    reload_command: Sequence[str]
    """Like `nginx -s reload`, or `kill -USR2 PID` of HAProxy's master."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.backend):
            raise RouterError(
                f"asked for the backend {self.backend!r}", "that is no plain name", "rename it"
            )

    def current(self) -> str:
        """Where requests go, by the file: `ADDRESS:PORT`.

        Raises:
            RouterError: the file cannot be read, or does not name one server.
        """
        try:
            text = self.file.read_text(encoding="utf-8")
        except OSError as error:
            raise RouterError(
                f"asked where {self.backend} goes",
                f"{self.file} cannot be read: {error}",
                "write it once, as docs/runbook.md shows, and have the router include it",
            ) from error
        servers = _SERVERS[self.kind].findall(_COMMENT.sub("", text))
        if len(servers) != 1:
            raise RouterError(
                f"asked where {self.backend} goes",
                f"{self.file} names {len(servers)} servers",
                "name exactly one: joulepilot replaces it by another",
            )
        return str(servers[0])

    def point(self, address: str) -> None:
        """Have the file name an address, all of it at once: the commit of a replacement.

        Raises:
            RouterError: it cannot be written.
        """
        draft = self.file.with_name(f".{self.file.name}.new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self._text(address))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.file)
            sync_folder(self.file.parent)
        except OSError as error:
            raise RouterError(
                f"asked to point {self.backend} to {address}",
                f"{self.file} cannot be written: {error}",
                "let this user write that folder",
            ) from error
        log.info("%s goes to %s", self.backend, address)

    def reload(self) -> None:
        """Have the router take up its file; requests under way go on.

        Both check their configuration first.

        Raises:
            RouterError: it refuses, or does not answer.
        """
        try:
            done = subprocess.run(
                list(self.reload_command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=RELOAD_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._not_reloaded(str(error)) from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise self._not_reloaded(f"it ended with {done.returncode} {' '.join(said)}")

    def _text(self, address: str) -> str:
        head = "# written by joulepilot, which replaces this file when it replaces the container\n"
        if self.kind is RouterKind.NGINX:
            return f"{head}upstream {self.backend} {{\n    server {address};\n}}\n"
        return f"{head}backend {self.backend}\n    server live {address}\n"

    def _not_reloaded(self, found: str) -> RouterError:
        return RouterError(
            f"asked {self.kind} to reload by {' '.join(self.reload_command)}",
            found,
            "see the router's log; run that command by hand until it works",
        )
