"""Hands commands from other threads to the loop's thread, between two ticks."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.executor.errors import ExecutorAwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.executor.wire import Command, Plain


@dataclass(slots=True)
class _Asked:
    command: Command
    done: threading.Event = field(default_factory=threading.Event)
    result: Plain = None
    error: JoulepilotError | None = None


class Inbox:
    """A queue of commands, each answered by the loop."""

    def __init__(self) -> None:
        self._queue: queue.Queue[_Asked | None] = queue.Queue()

    def ask(self, command: Command, timeout_s: float) -> Plain:
        """Have the loop do a command, and wait for what comes of it.

        Raises:
            ExecutorAwayError: the loop did not come to it in time.
            JoulepilotError: whatever the command raised.
        """
        asked = _Asked(command)
        self._queue.put(asked)
        if not asked.done.wait(timeout_s):
            raise ExecutorAwayError(
                f"asked the executor to {command.verb}",
                f"its loop did not come to it within {timeout_s:g} s",
                "look into its log: something it waits for hangs",
            )
        if asked.error is not None:
            raise asked.error
        return asked.result

    def wake(self) -> None:
        """End `serve` early."""
        self._queue.put(None)

    def serve(self, do: Callable[[Command], Plain], seconds: float) -> None:
        """Do what is asked for so many seconds of wall time; what waits already is always done."""
        until_s = time.monotonic() + seconds
        while True:
            left_s = until_s - time.monotonic()
            try:
                asked = self._queue.get(timeout=left_s) if left_s > 0 else self._queue.get_nowait()
            except queue.Empty:
                return
            if asked is None:
                return
            try:
                asked.result = do(asked.command)
            except JoulepilotError as error:
                asked.error = error
            finally:
                asked.done.set()
