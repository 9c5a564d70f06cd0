"""One device's turn at a point: runs in a row, what they took, and who was in the way."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from components.actuation.run_queue import RunQueueWait
from components.errors import JoulepilotError
from components.telemetry.device_measurement import StartState

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.devices.device import Device, Inputs, LoadedNetwork, Run
    from components.telemetry.meters import PowerMeter
    from models.device_classifier.characterise_plan import RecordingSettings

Times: TypeAlias = "tuple[float, float | None]"  # of a run: in all, and moving data
PROC = Path("/proc")
MOST_RUNS = 65_536
METER_MARGIN = 1.2
IN_FLIGHT = 2
WAKE_S = 50e-6
"""A thread that is woken waits so long of itself; only what is longer tells of others."""
SHORT_RUN_S = 0.05
"""Runs shorter than this are warmed up at every turn: others have used the caches meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one device did in one turn.

    Attributes:
        latency_s: median of the runs.
        transfer_s: median of the runs; None where memory is shared.
        elapsed_s: of all runs, one after another.
        overlapped_s: of one run while another moves its data; None where memory is shared.
        energy_j: of one run; None where no meter could tell.
        wait_share: waited for a CPU, beyond what waking up takes, over time; None where the kernel
            does not show it.
        clock_share: of the device before the first run; `load` likewise.
    """

    device: str
    n_runs: int
    latency_s: float
    transfer_s: float | None
    elapsed_s: float
    overlapped_s: float | None
    energy_j: float | None
    wait_share: float | None
    clock_share: float | None
    load: float | None

    def is_contended(self, max_wait_share: float) -> bool:
        """Whether others were in the way; what cannot be seen is not held against it."""
        return self.wait_share is not None and self.wait_share > max_wait_share


class TurnTaker:
    """Takes turns, and repeats those in which others were in the way."""

    def __init__(
        self,
        settings: RecordingSettings,
        *,
        proc: Path = PROC,
        sleep: Callable[[float], None] = time.sleep,
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._settings = settings
        self._proc = proc
        self._sleep = sleep
        self._clock_s = clock_s
        self._waits = RunQueueWait(wake_s=WAKE_S)

    def take(
        self, device: Device, loaded: LoadedNetwork, inputs: Inputs, state: StartState
    ) -> Turn:
        """Take one turn, or the last of several when each was contended.

        Raises:
            NetworkRefusedError: the device cannot run this.
        """
        for _ in range(self._settings.tries):
            turn = self._once(device, loaded, inputs, state)
            if not turn.is_contended(self._settings.max_wait_share):
                break
        return turn

    def _once(
        self, device: Device, loaded: LoadedNetwork, inputs: Inputs, state: StartState
    ) -> Turn:
        if state is StartState.IDLE:
            self._sleep(self._settings.idle_s)
            n_runs = 1
        else:
            n_runs = self._warmed_up(device, loaded, inputs)
        known = device.state()
        wait_s, energy_j = self._waited_s(), _joules(device.power)
        start_s = self._clock_s()
        runs = [_times(loaded.run(inputs)) for _ in range(n_runs)]
        elapsed_s = self._clock_s() - start_s
        used_j = _between(energy_j, _joules(device.power))
        waited_s = _between(wait_s, self._waited_s())
        is_resolved = elapsed_s >= device.least_energy_s
        return Turn(
            device=device.name,
            n_runs=n_runs,
            latency_s=median(total_s for total_s, _ in runs),
            transfer_s=_transfer_s(runs),
            elapsed_s=elapsed_s,
            overlapped_s=self._overlapped_s(loaded, inputs, runs, state),
            energy_j=used_j / n_runs if used_j is not None and is_resolved else None,
            wait_share=None if waited_s is None else waited_s / elapsed_s,
            clock_share=known.awake_share,
            load=known.load,
        )

    def _warmed_up(self, device: Device, loaded: LoadedNetwork, inputs: Inputs) -> int:
        """Run until it is fast, and say how many runs fill a turn."""
        took_s = loaded.run(inputs).total_s
        if took_s < SHORT_RUN_S:
            took_s = min(took_s, loaded.run(inputs).total_s)
        fill_s = max(self._settings.burst_s, METER_MARGIN * device.least_energy_s)
        return max(1, min(MOST_RUNS, ceil(fill_s / max(took_s, 1e-6))))

    def _overlapped_s(
        self, loaded: LoadedNetwork, inputs: Inputs, runs: list[Times], state: StartState
    ) -> float | None:
        """Time of one run when two are under way, so that one computes while the other moves."""
        if state is StartState.IDLE or _transfer_s(runs) is None:
            return None
        n_runs = IN_FLIGHT * len(runs)
        with ThreadPoolExecutor(IN_FLIGHT) as threads:
            start_s = self._clock_s()
            for _ in threads.map(lambda _: _times(loaded.run(inputs)), range(n_runs)):
                pass
            return (self._clock_s() - start_s) / n_runs

    def _waited_s(self) -> float | None:
        return self._waits.update(self._proc, (os.getpid(),))


def _times(run: Run) -> Times:
    """What is kept of a run; its outputs would fill the memory."""
    return run.total_s, run.transfer_s


def _transfer_s(runs: list[Times]) -> float | None:
    known = [transfer_s for _, transfer_s in runs if transfer_s is not None]
    return median(known) if known else None


def _joules(power: PowerMeter | None) -> float | None:
    if power is None:
        return None
    try:
        return power.energy_j()
    except JoulepilotError:  # no reading is no number
        return None


def _between(before: float | None, after: float | None) -> float | None:
    if before is None or after is None or after < before:
        return None
    return after - before
