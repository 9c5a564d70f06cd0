"""What can be read of a made-up node: latency pages, a power counter, CPU times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.actuation.errors import ContainerGoneError
from components.madeup.sysfs import write_proc_stat
from components.telemetry.errors import ReadingError
from components.telemetry.sample import PowerSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.madeup.state import NodeState
    from components.telemetry.meters import LatencySnapshot


class MadeUpLatency:
    """Implements `LatencySource` for one container."""

    def __init__(self, state: NodeState, container_id: str) -> None:
        self._state = state
        self._container_id = container_id

    def read(self) -> LatencySnapshot:
        """Read the server's counters now.

        Raises:
            ReadingError: the server is silent, or gone.
        """
        with self._state.settled():
            try:
                server = self._state.of(self._container_id)
            except ContainerGoneError as error:
                raise _unanswered("it has stopped") from error
            if server.is_silent:
                raise _unanswered("it keeps silent")
            return server.counters.snapshot()


class MadeUpPower:
    """Implements `PowerMeter`: a counter of the made-up node, so its figures are `simulated`."""

    def __init__(self, state: NodeState) -> None:
        self._state = state
        self.is_silent = False

    @property
    def source(self) -> PowerSource:
        """A counter; that the node is made up is said by a sample's origin."""
        return PowerSource.MEASURED

    @property
    def idle_w(self) -> float:
        """What the node draws while nothing runs."""
        return self._state.idle_w

    def energy_j(self) -> float:
        """Joules since the node was made.

        Raises:
            ReadingError: the counter was told to be silent.
        """
        if self.is_silent:
            raise ReadingError(
                "asked for the made-up node's energy", "its counter is silent", "read it later"
            )
        with self._state.settled():
            return self._state.energy_j


class MadeUpCpuTimes:
    """Implements `CpuTimes`: brings the made-up `proc/stat` up to date and says what it says."""

    def __init__(self, state: NodeState, root: Path) -> None:
        self._state = state
        self._root = root

    def busy_s(self) -> Mapping[int, float]:
        """Busy seconds per logical CPU that is online."""
        with self._state.settled():
            online = self._state.kernel.online
            busy_s = {cpu: self._state.busy_s[cpu] for cpu in online}
            return write_proc_stat(self._root, busy_s, self._state.uptime_s)


def _unanswered(found: str) -> ReadingError:
    return ReadingError("asked a made-up server for its latencies", found, "it is tried again")
