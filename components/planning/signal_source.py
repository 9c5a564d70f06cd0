"""A signal from an HTTP server, asked now and then; while it is away the last answer holds."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from components.planning.errors import SignalError
from components.planning.signals import PLAIN, parse_signal

if TYPE_CHECKING:
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
