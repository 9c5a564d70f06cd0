"""Sends messages through Apprise, and remembers what was told over a restart."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from flows.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from flows.telling.findings import Finding

    Send = Callable[[str, str], bool]

logger = logging.getLogger(__name__)
MEMORY = "told.json"


def addresses(file: Path | None) -> tuple[str, ...]:
    """Read addresses, one a line; blank lines and lines that begin with # are left out.

    Raises:
        AddressError: the file cannot be read.
    """
    if file is None:
        return ()
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except OSError as error:
        raise AddressError(
            f"asked to tell those in {file}", f"it cannot be read: {error}", "mend the file"
        ) from error
    return tuple(line for line in lines if line and not line.startswith("#"))


def apprise_send(to: Sequence[str]) -> Send:
    """Make the function that sends a title and a text to addresses.

    Raises:
        AddressError: Apprise does not know what an address means; the address is not shown,
            it may hold a secret.
    """
    import apprise  # half a second

    sender = apprise.Apprise()
    for number, address in enumerate(to, start=1):
        if not sender.add(address):
            raise AddressError(
                f"asked to tell address {number} of {len(to)}",
                "Apprise does not know such an address",
                "see its documentation; a webhook is json://host:port/path",
            )

    def send(title: str, text: str) -> bool:
        return bool(sender.notify(body=text, title=title)) if to else True

    return send


class Teller:
    """Tells each trouble once; when it is over and comes again, again."""

    def __init__(self, home: Path, send: Send) -> None:
        self._file = home / MEMORY
        self._send = send
        self._told = _load(self._file)
        self._since: dict[str, datetime] = {}

    def tell(self, found: Sequence[Finding], now: datetime) -> tuple[Finding, ...]:
        """Send what is new and has lasted; what could not be sent is tried again next time.

        Returns:
            What was sent now.
        """
        self._since = {one.key: self._since.get(one.key, now) for one in found}
        new = [one for one in found if one.key not in self._told and self._has_lasted(one, now)]
        sent = tuple(finding for finding in new if self._say(finding))
        still = {finding.key for finding in found} & self._told
        told = still | {finding.key for finding in sent}
        if told != self._told:
            self._told = told
            replace_file(self._file, json.dumps(sorted(told)) + "\n")
        return sent

    def tell_at_once(self, happened: Sequence[Finding]) -> None:
        """Tell of what happened; an event has no end, so it is not remembered."""
        for finding in happened:
            self._say(finding)

    def _has_lasted(self, finding: Finding, now: datetime) -> bool:
        return (now - self._since[finding.key]).total_seconds() >= finding.patience_s

    def _say(self, finding: Finding) -> bool:
        logger.warning("%s", finding.message)
        if self._send(f"joulepilot: {finding.title}", finding.message):
            return True
        logger.error("could not tell anyone that %s", finding.title)
        return False


def _load(file: Path) -> set[str]:
    try:
        content: object = json.loads(file.read_text())
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read, so what was told is told again: %s", file, error)
        return set()
    return {str(key) for key in content} if isinstance(content, list) else set()
