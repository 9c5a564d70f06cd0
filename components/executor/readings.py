"""Verbs made of what `status` answers: metrics for Prometheus, and health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.metrics_page import metrics_page
from components.executor.wire import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.executor.wire import Plain


class Readings:
    """Answers `metrics` and `health`; everything else goes on."""

    def __init__(self, do: Callable[[Command], Plain]) -> None:
        self._do = do

    def do(self, command: Command) -> Plain:
        """Carry out a command.

        Raises:
            JoulepilotError: it cannot be done, and why.
        """
        if command.verb == "metrics":
            return {"page": metrics_page(self._do(Command("status", {})))}
        if command.verb == "health":
            status = self._do(Command("status", {}))
            problems = list(status["health"])
            return {"healthy": not problems, "node": status["node"], "problems": problems}
        return self._do(command)
