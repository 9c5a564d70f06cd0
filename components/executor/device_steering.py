"""Which device one job should run on: asks the classifier, and guards what it says.

Nothing here reads or writes; what happens is decided from values and told in words. A device is
left for another only when that is expected to take clearly less energy and meet the target, not
too soon after the last change, not where it was taken back lately, and not before a batch was
measured there when the classifier is not sure. A missed target overrides patience.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from components.policy.device_policies import (
    ENERGY,
    DeviceChoice,
    DevicePolicy,
    Expected,
    choose_device,
)
from components.policy.device_predictor import DevicePredictor, DeviceWork
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from components.jobs.job import Job
    from components.telemetry.served_devices import ProbeReading, ServedDevices

MOST_LOAD = 0.85
"""Share of its time that a device may be busy; beyond it requests would queue up."""
QUIET_LOAD = 0.5
"""Up to this share of its time busy, what is seen of a device is its own doing, not the queue's."""


class DeviceTuning(Protocol):
    """Corrects predictions of one network by what was seen of it."""

    def observe(self, device: str, log_error: float) -> None:
        """Take in by how much a prediction without correction was off, as a logarithm."""
        ...

    def shift(self, device: str) -> float:
        """What to add to log costs of a device."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringLimits:
    """How patient steering is; seconds of the node's clock."""

    dead_band: float = 0.05
    """Least relative energy that a change has to save."""
    hold_s: float = 30.0
    """Least time between two changes that no missed target asks for."""
    remember_s: float = 900.0
    """How long a device that was taken back is not tried again at such a batch."""
    confirm_s: float = 60.0
    """A server that does not say so by then does not follow the hint."""


class MoveKind(StrEnum):
    """Why a hint is to be written."""

    SWITCH = "switch"
    PROBE = "probe"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Move:
    """A hint that is to be written."""

    kind: MoveKind
    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a closed window said of a job, as far as devices are concerned."""

    device: str
    batch: int
    image_ms: float
    """The target's statistic, per image."""
    batch_ms: float
    """Mean, of a whole batch."""
    rate_per_s: float
    """Batches."""
    meets_target: bool
    at_s: float


class DeviceSteering:
    """The mind of one job, as far as devices are concerned."""

    def __init__(self, tuning: DeviceTuning, limits: SteeringLimits) -> None:
        self._tuning = tuning
        self._limits = limits
        self._since_s: float | None = None
        self._came_from: str | None = None
        self._taken_back: dict[tuple[str, int], float] = {}
        self._measured: set[tuple[str, int]] = set()
        self.choice: DeviceChoice | None = None
        """What the policy last said."""
        self._is_strange = False
        self.reason = "no window was seen yet"
        """Why the device in force is in force."""

    def learn(
        self, seen: Seen, served: ServedDevices, predictor: DevicePredictor, job: Job, n_cpus: int
    ) -> None:
        """Let what was seen correct what is predicted, unless requests queued."""
        if seen.device != served.in_force:
            return
        by_device = self._expected(seen.batch, served, predictor, job, n_cpus, corrected=False)
        mine = by_device.get(seen.device)
        if mine is None or seen.rate_per_s * seen.batch_ms / 1000 > QUIET_LOAD:
            return
        self._measured.add((seen.device, _bucket(seen.batch)))
        self._tuning.observe(seen.device, math.log(seen.batch_ms / mine.latency_ms))

    def learn_probe(
        self,
        probe: ProbeReading,
        served: ServedDevices,
        predictor: DevicePredictor,
        job: Job,
        n_cpus: int,
    ) -> None:
        """Take in one batch that was measured on purpose."""
        by_device = self._expected(probe.batch, served, predictor, job, n_cpus, corrected=False)
        self._measured.add((probe.device, _bucket(probe.batch)))
        if probe.device in by_device:
            error = math.log(probe.latency_ms / by_device[probe.device].latency_ms)
            self._tuning.observe(probe.device, error)

    def probe_failed(self, device: str, batch: int) -> None:
        """Nothing came of a probe: it is not asked for again at such a batch."""
        self._measured.add((device, _bucket(batch)))

    def decide(
        self,
        seen: Seen,
        served: ServedDevices,
        predictor: DevicePredictor,
        job: Job,
        n_cpus: int,
    ) -> Move | None:
        """What is to change now, if anything; `choice` and `reason` say what was thought."""
        undo = self._undo(seen, served)
        if undo is not None:
            return undo
        try:
            expected = self._expected(seen.batch, served, predictor, job, n_cpus, corrected=True)
            among = self._allowed(expected, seen)
            self.choice = choose_device(
                among,
                DevicePolicy.ENERGY_UNDER_TARGET,
                sure_from=predictor.brain.facts.sure_from[ENERGY],
                target_ms=job.target.latency_ms * seen.batch,
                is_strange=self._is_strange,
            )
        except PolicyError as error:
            self.choice, self.reason = None, f"no choice: {error.found}; {error.remedy}"
            return None
        return self._guarded(self.choice, seen, served, expected)

    def moved(self, came_from: str | None, at_s: float, reason: str) -> None:
        """Note that another device came into force because we wanted it to.

        The next window judges it against `came_from`; None: it is not judged.
        """
        self._since_s, self._came_from, self.reason = at_s, came_from, reason

    def _undo(self, seen: Seen, served: ServedDevices) -> Move | None:
        """The first window after a change judges it."""
        came_from, self._came_from = self._came_from, None
        if came_from is None or seen.device != served.in_force or seen.meets_target:
            return None
        if came_from not in served.held:
            return None
        until_s = seen.at_s + self._limits.remember_s
        self._taken_back[seen.device, _bucket(seen.batch)] = until_s
        return Move(
            MoveKind.UNDO,
            came_from,
            f"taken back: {seen.image_ms:.4g} ms an image on {seen.device} miss the target",
        )

    def _guarded(
        self,
        choice: DeviceChoice,
        seen: Seen,
        served: ServedDevices,
        expected: dict[str, Expected],
    ) -> Move | None:
        here = served.in_force
        if choice.device == here and choice.is_sure:
            self.reason = choice.reason
            return None
        unmeasured = [
            each
            for each in choice.to_measure
            if each != here and (each, _bucket(seen.batch)) not in self._measured
        ]
        if not choice.is_sure and unmeasured:
            return Move(
                MoveKind.PROBE,
                unmeasured[0],
                f"measure first: P = {choice.p:.2f} that {choice.device} is the one; one batch of "
                f"{seen.batch} on {unmeasured[0]} will tell",
            )
        if choice.device == here:
            self.reason = choice.reason
            return None
        return self._patient(choice, seen, here, expected)

    def _patient(
        self, choice: DeviceChoice, seen: Seen, here: str, expected: dict[str, Expected]
    ) -> Move | None:
        move = Move(MoveKind.SWITCH, choice.device, f"{choice.reason} (P = {choice.p:.2f})")
        if not seen.meets_target or here not in expected:
            return move
        saved = 1.0 - expected[choice.device].energy_j / expected[here].energy_j
        if choice.meets_target is False:
            self.reason = f"it stays on {here}, which meets the target; {choice.reason}"
            return None
        if saved < self._limits.dead_band:
            self.reason = (
                f"dead band: {choice.device} would save {saved:.1%}, less than "
                f"{self._limits.dead_band:.0%}"
            )
            return None
        since = None if self._since_s is None else seen.at_s - self._since_s
        if since is not None and since < self._limits.hold_s:
            self.reason = f"hold time: the last change was {since:.0f} s ago; {choice.reason}"
            return None
        return move

    def _expected(
        self,
        batch: int,
        served: ServedDevices,
        predictor: DevicePredictor,
        job: Job,
        n_cpus: int,
        *,
        corrected: bool,
    ) -> dict[str, Expected]:
        """What is expected of every device the job may use and the server holds."""
        usable = [device for device in job.devices if device in served.held]
        columns = {device: predictor.column(device, n_cpus) for device in usable}
        moved = {
            column: self._tuning.shift(device) if corrected else 0.0
            for device, column in columns.items()
        }
        if not served.features:
            raise PolicyError(
                "asked for a device",
                "the server does not say what its network amounts to",
                "start it with --network-features FILE",
            )
        outlook = predictor.expected(
            DeviceWork(served.features, batch, _clock(served, usable)), moved
        )
        self._is_strange = outlook.is_strange
        by_column = {each.device: each for each in outlook.devices}
        return {
            device: replace(by_column[column], device=device) for device, column in columns.items()
        }

    def _allowed(self, expected: dict[str, Expected], seen: Seen) -> tuple[Expected, ...]:
        """Those that bear the load and were not taken back lately; all where none does."""
        wanted_per_s = seen.rate_per_s * seen.batch
        bearing = [
            each for each in expected.values() if wanted_per_s <= MOST_LOAD * each.throughput_per_s
        ]
        bucket = _bucket(seen.batch)
        free = [
            each
            for each in bearing
            if seen.at_s >= self._taken_back.get((each.device, bucket), -math.inf)
        ]
        return tuple(free or bearing or expected.values())


def _bucket(batch: int) -> int:
    """Batches that are alike: within a factor of two."""
    return round(math.log2(batch))


def _clock(served: ServedDevices, usable: list[str]) -> float:
    """The least clock of the devices; 1 where none is told (the CPU has none that counts)."""
    return min((served.clock_share[d] for d in usable if d in served.clock_share), default=1.0)
