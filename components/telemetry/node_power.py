"""The node's power by the first meter that works, in a configured order; a model when none does.

Why each of the others does not work is kept and told. While a counter works, the model learns the
node's curve from it, so that it is better than published averages when the counter goes away.
Figures of two meters are never mixed in one window: a change of meter is an error of that read.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.telemetry.cpu_times import cpu_utilization
from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.power_calibration import PowerCalibration, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from components.telemetry.meters import CpuTimes, PowerMeter
    from components.telemetry.power_model import ModelledPower
    from components.telemetry.sample import PowerSource

log = logging.getLogger(__name__)

RETRY_S = 60.0
"""After that the meters that failed are tried again: someone may have given the permission."""
_MOST_RETRY_S = 3600.0
_LEARN_S = 5.0
_SAVE_S = 300.0


@dataclass(frozen=True, slots=True)
class Opener:
    """A meter by name, and how it is opened."""

    name: str
    open: Callable[[], PowerMeter]
    """Raises MeterError where it cannot be had."""


class NodePower:
    """The meter in force of a node; a PowerMeter."""

    def __init__(
        self,
        openers: Sequence[Opener],
        model: ModelledPower,
        calibration: PowerCalibration,
        cpu_times: CpuTimes,
        *,
        kept: Path | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the first meter that works; `kept` is where the model's curve lasts restarts."""
        self._openers = tuple(openers)
        self._model = model
        self._calibration = calibration
        self._cpu_times = cpu_times
        self._kept = kept
        self._monotonic_s = monotonic_s
        self._learned: tuple[float, float, Mapping[int, float]] | None = None
        self._save_at_s = monotonic_s() + _SAVE_S
        self._retry_s = RETRY_S
        self._retry_at_s = monotonic_s() + RETRY_S
        self.failures: dict[str, str] = {}
        """Why a meter before the one in force does not work, by name."""
        if kept is not None:
            calibration.load(kept)
        model.recalibrate(calibration.curve())
        self._active: PowerMeter = model
        self._rank = len(self._openers)
        self._take_first(range(len(self._openers)))

    @property
    def source(self) -> PowerSource:
        """Of the meter in force."""
        return self._active.source

    @property
    def name(self) -> str:
        """Name of the meter in force."""
        return self._openers[self._rank].name if self._rank < len(self._openers) else "model"

    @property
    def idle_w(self) -> float:
        """Watts of the idle node, as far as the model has learned them."""
        return self._calibration.curve().per_cpu_w(0.0) * self._calibration.n_logical

    def energy_j(self) -> float:
        """Joules since some start of the meter in force.

        Raises:
            ReadingError: it could not be read, or another meter is in force from now on.
        """
        if self._rank and self._monotonic_s() >= self._retry_at_s:
            self._retry_better()
        try:
            energy_j = self._active.energy_j()
        except MeterError as error:
            raise self._replaced(error) from error
        if self._active is not self._model:
            self._learn(energy_j)
        return energy_j

    def _take_first(self, ranks: Sequence[int]) -> bool:
        """Open the first of these meters that works; whether there is one."""
        for rank in ranks:
            opener = self._openers[rank]
            try:
                meter = opener.open()
            except (MeterError, ReadingError) as error:
                self._note(opener.name, error)
                continue
            self.failures.pop(opener.name, None)
            self._active, self._rank, self._learned = meter, rank, None
            log.info("power is read by %s", opener.name)
            return True
        return False

    def _replaced(self, error: MeterError) -> ReadingError:
        """Go on with the next meter that works; what this read has to say."""
        failed, rank = self.name, self._rank
        if self._active is self._model:
            return ReadingError(error.asked, error.found, error.remedy)
        self._note(failed, error)
        self._retry_at_s = self._monotonic_s() + self._retry_s
        if not self._take_first(range(rank + 1, len(self._openers))):
            self._active, self._rank = self._model, len(self._openers)
            self._model.recalibrate(self._calibration.curve())
            log.warning("power is modelled: %s", describe(self._model.curve))
        return ReadingError(error.asked, f"{error.found}; {self.name} is in force", error.remedy)

    def _retry_better(self) -> None:
        """Try what failed again, less and less often.

        Raises:
            ReadingError: a better meter is in force from now on.
        """
        self._retry_s = min(2 * self._retry_s, _MOST_RETRY_S)
        self._retry_at_s = self._monotonic_s() + self._retry_s
        before = self.name
        if self._take_first(range(self._rank)):
            raise ReadingError(
                f"asked {before} for the node's energy",
                f"{self.name} works again and is in force",
                "nothing: windows begin anew",
            )

    def _note(self, name: str, error: MeterError | ReadingError) -> None:
        if name not in self.failures:
            log.warning("power is not read by %s: %s", name, error)
        self.failures[name] = str(error)

    def _learn(self, energy_j: float) -> None:
        """Show the model what the counter says, every few seconds."""
        now_s = self._monotonic_s()
        if self._learned is not None and now_s - self._learned[0] < _LEARN_S:
            return
        try:
            busy_s = self._cpu_times.busy_s()
            if self._learned is not None:
                then_s, then_j, then_busy_s = self._learned
                used = cpu_utilization(then_busy_s, busy_s, now_s - then_s).values()
                power_w = (energy_j - then_j) / (now_s - then_s)
                self._calibration.observe(sum(used) / max(len(used), 1), power_w)
        except ReadingError as error:
            log.debug("nothing is learned of power this time: %s", error)
            self._learned = None
            return
        self._learned = (now_s, energy_j, busy_s)
        self._save(now_s)

    def _save(self, now_s: float) -> None:
        if self._kept is None or now_s < self._save_at_s or not self._calibration.is_seen:
            return
        self._save_at_s = now_s + _SAVE_S
        try:
            self._calibration.save(self._kept)
        except OSError as error:
            log.warning("what was learned of power is not kept: %s", error)
