"""Signals that go on: from an HTTP server, asked now and then, or from a file that is rewritten.

While a server is away its last answer holds, until that is stale.
"""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from components.planning.errors import SignalError
from components.planning.signals import PLAIN, parse_signal, read_signal

if TYPE_CHECKING:
    from pathlib import Path

    from components.planning.signals import Mapping, Quantity, Signal

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0
MOST_BYTES = 4_000_000


class HttpSignal:
    """Asks a URL every `every_s`; `note` says what is wrong, None while nothing is."""

    def __init__(
        self,
        url: str,
        quantity: Quantity,
        mapping: Mapping = PLAIN,
        *,
        every_s: float = 300.0,
        is_json: bool = True,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise SignalError(
                f"asked for the signal of {url}", "that is no web address", "give http(s)://…"
            )
        self._url = url
        self._quantity = quantity
        self._mapping = mapping
        self._every_s = every_s
        self._is_json = is_json
        self._signal: Signal | None = None
        self._due_s = 0.0
        self.note: str | None = None

    def current(self, now_s: float) -> Signal | None:
        """The newest answer; None before the first, and when it is stale."""
        if now_s >= self._due_s:
            self._due_s = now_s + self._every_s
            self._ask()
        if self._signal is not None and self._signal.is_stale(now_s):
            self.note = f"{self._url}: its newest value is stale; it is ignored"
            return None
        return self._signal

    def _ask(self) -> None:
        try:
            with urllib.request.urlopen(self._url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http(s) only, see __init__
                text = answer.read(MOST_BYTES).decode("utf-8")
            self._signal = parse_signal(
                text, self._url, self._quantity, self._mapping, is_json=self._is_json
            )
            self.note = None
        except (OSError, urllib.error.URLError, UnicodeDecodeError, SignalError) as error:
            self.note = f"{self._url}: {error}"
            log.warning(self.note)


class FileSignal:
    """A CSV or JSON file, read anew when it is another; `note` as of HttpSignal."""

    def __init__(self, path: Path, quantity: Quantity, mapping: Mapping = PLAIN) -> None:
        self._path = path
        self._quantity = quantity
        self._mapping = mapping
        self._signal: Signal | None = None
        self._seen: tuple[int, int] | None = None
        self.note: str | None = None

    def current(self, now_s: float) -> Signal | None:
        """What the file says; None where it cannot be read, and when it is stale."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._signal = read_signal(self._path, self._quantity, self._mapping)
                self._seen, self.note = seen, None
        except (OSError, SignalError) as error:
            self._signal, self._seen, self.note = None, None, str(error)
        if self._signal is not None and self._signal.is_stale(now_s):
            self.note = f"{self._path}: its newest value is stale; it is ignored"
            return None
        return self._signal
