"""A few kept connections to one engine, so that many updates do not wait for each other.

One update takes the engine some 12 ms, most of it waiting; from four at once on, a round of fifty
gets no faster.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from components.actuation.engine_api import EngineApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N_CONNECTIONS = 4


class EnginePool:
    """Asks a Docker engine like an EngineApi; callers beyond the number of connections wait."""

    def __init__(self, path: Path, timeout_s: float, n_connections: int = N_CONNECTIONS) -> None:
        """Open nothing yet: a connection is made when it is first needed."""
        self._all = [EngineApi(path, timeout_s) for _ in range(n_connections)]
        # the one used last is used next, so that one caller alone keeps one connection
        self._free: queue.LifoQueue[EngineApi] = queue.LifoQueue()
        for engine in reversed(self._all):
            self._free.put(engine)

    def close(self) -> None:
        """Close all connections; the next request opens another."""
        for engine in self._all:
            engine.close()

    def get(self, path: str) -> object:
        """Ask for a resource; errors are those of EngineApi."""
        return self._with(lambda engine: engine.get(path))

    def post(self, path: str, body: object) -> object:
        """Send JSON to a resource; must do no harm when sent twice."""
        return self._with(lambda engine: engine.post(path, body))

    def _with(self, ask: Callable[[EngineApi], object]) -> object:
        engine = self._free.get()
        try:
            return ask(engine)
        finally:
            self._free.put(engine)
