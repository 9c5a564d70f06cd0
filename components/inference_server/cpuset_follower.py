"""Keeps a session with as many threads as the process has CPUs.

ONNX Runtime's pool never resizes, while a cpuset changes at any time. A watcher looks at its own
affinity (1.7 µs), makes the session of the new width beside the requests, warms it, and swaps it
in by one reference; requests under way finish on the old one.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Protocol

import numpy as np

from components.inference_server.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Set

    from components.inference_server.prepared_network import NetworkFacts, Session

LOOK_EVERY_S = 0.05
_WARM_RUNS = 2  # the first run of a session sizes its memory, the second its reuse

_log = logging.getLogger(__name__)


class SessionMaker(Protocol):
    """Makes sessions of any width."""

    facts: NetworkFacts

    def session(self, n_threads: int) -> Session:
        """Make a session that computes on this many threads."""
        ...


def own_cpus() -> Set[int]:
    """Say on which logical CPUs the calling thread may run."""
    return os.sched_getaffinity(0)


class CpusetFollower:
    """Holds the session in force; `start` the watcher once, `stop` it at the end."""

    def __init__(
        self,
        network: SessionMaker,
        *,
        batch_size: int,
        max_threads: int | None = None,
        affinity: Callable[[], Set[int]] = own_cpus,
    ) -> None:
        """Make and warm the first session.

        Raises:
            ModelError: it cannot be made.
        """
        self._network = network
        self._batch_size = batch_size
        self._max_threads = max_threads
        self._affinity = affinity
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="cpuset-follower", daemon=True)
        self.n_switches = 0
        """Sessions swapped in since the first."""
        self.cpus = frozenset(affinity())
        """The CPUs that the session in force was made for."""
        self._session = self._warm_session(self._width(self.cpus))

    @property
    def session(self) -> Session:
        """The session in force."""
        return self._session

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Of one image, without the batch."""
        return self._network.facts.image_shape

    def start(self) -> None:
        """Begin to follow."""
        self._watcher.start()

    def stop(self) -> None:
        """End the watcher."""
        self._stopping.set()
        if self._watcher.ident is not None:
            self._watcher.join()

    def follow(self) -> None:
        """Look once, and swap if the number of threads is not right any more.

        Raises:
            ModelError: the new session cannot be made; the old one stays in force.
        """
        cpus = frozenset(self._affinity())
        if cpus == self.cpus:
            return
        width = self._width(cpus)
        if width != self._session.n_threads:
            self._session = self._warm_session(width)
            self.n_switches += 1
            _log.info("now %d threads on %d CPUs", width, len(cpus))
        self.cpus = cpus

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.follow()
            except ModelError as error:
                _log.warning("stays at %d threads: %s", self._session.n_threads, error)

    def _width(self, cpus: frozenset[int]) -> int:
        return min(len(cpus), self._max_threads or len(cpus))

    def _warm_session(self, n_threads: int) -> Session:
        session = self._network.session(n_threads)
        shape = (self._batch_size, *self._network.facts.image_shape)
        images = np.zeros(shape, dtype=np.float32)
        for _ in range(_WARM_RUNS):
            session.run(images)
        return session
