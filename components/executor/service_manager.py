"""Tells systemd that the executor is ready, alive, or about to stop; without it, nothing.

The protocol is a datagram to the socket that `NOTIFY_SOCKET` names; see sd_notify(3).
"""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


class ServiceManager:
    """What a service says to whoever started it. Call `alive` after every turn of the loop."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read where to say it, and how often, from the environment."""
        given = os.environ if environment is None else environment
        self._address = given.get("NOTIFY_SOCKET", "")
        self._every_s = _watchdog_s(given) / 3
        self._monotonic_s = monotonic_s
        self._is_ready = False
        self._said_at_s = 0.0

    def alive(self, status: Callable[[], str]) -> None:
        """Say so once the loop has turned: the first time that it is ready, then when it is due."""
        if not self._address:
            return
        now_s = self._monotonic_s()
        if not self._is_ready:
            self._is_ready = True
            self._said_at_s = now_s
            self._say(f"READY=1\nSTATUS={_line(status())}\nWATCHDOG=1")
        elif self._every_s and now_s - self._said_at_s >= self._every_s:
            self._said_at_s = now_s
            self._say(f"STATUS={_line(status())}\nWATCHDOG=1")

    def stopping(self) -> None:
        """Say that containers are given back what they had."""
        if self._address:
            self._say("STOPPING=1\nSTATUS=giving back what containers had")

    def _say(self, message: str) -> None:
        name = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1.0)
                channel.sendto(message.encode(), name)
        except OSError as error:
            log.warning("systemd cannot be told %r: %s", message.partition("\n")[0], error)


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Within how many seconds a sign of life is due; 0: none is asked of this process."""
    text, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    is_ours = not pid or pid == str(os.getpid())
    return int(text) / 1e6 if text.isdecimal() and is_ours else 0.0


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
