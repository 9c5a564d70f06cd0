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
from typing import TYPE_CHECKING

from components.executor.device_outlook import bearing, bucket_of, left_out
from components.policy.device_policies import ENERGY, DeviceChoice, DevicePolicy, choose_device
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.executor.device_outlook import Asked, DeviceTuning
    from components.policy.device_policies import Expected
    from components.telemetry.served_devices import ProbeReading

QUIET_LOAD = 0.5
"""Up to this share of its time busy, what is seen of a device is its own doing, not the queue's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringLimits:
    """How patient steering is; seconds of the node's clock."""

    dead_band: float = 0.05
    """Least relative energy that a change has to save."""
    hold_s: float = 30.0
    """Least time between two changes that no missed target asks for."""
    remember_s: float = 900.0
    """How long a device that was taken back is not tried again at such a batch, and how long a
    measurement counts as one."""
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

    @property
    def rest_s(self) -> float:
        """Between two batches; 0 where they queue."""
        if not self.rate_per_s > 0:
            return 0.0
        return max(1.0 / self.rate_per_s - self.batch_ms / 1000, 0.0)


class DeviceSteering:
    """The mind of one job, as far as devices are concerned."""

    def __init__(self, tuning: DeviceTuning, limits: SteeringLimits) -> None:
        self._tuning = tuning
        self._limits = limits
        self._since_s: float | None = None
        self._judged_against: str | None = None
        self._bucket: int | None = None
        self._taken_back_s: dict[tuple[str, int], float] = {}
        self._measured_s: dict[tuple[str, int], float] = {}
        self._unanswered: set[tuple[str, int]] = set()
        self.choice: DeviceChoice | None = None
        """What the policy last said."""
        self.reason = "no window was seen yet"
        """Why the device in force is in force."""

    def learn(self, seen: Seen, asked: Asked) -> None:
        """Let what was seen correct what is predicted, unless requests queued."""
        if seen.device != asked.served.in_force:
            return
        if seen.rate_per_s * seen.batch_ms / 1000 <= QUIET_LOAD:
            self._learn(seen.device, seen.batch, seen.batch_ms, seen.at_s, asked)

    def learn_probe(self, probe: ProbeReading, at_s: float, asked: Asked) -> None:
        """Take in one batch that was measured on purpose."""
        self._learn(probe.device, probe.batch, probe.latency_ms, at_s, asked)

    def probe_failed(self, device: str, batch: int) -> None:
        """Nothing came of a probe: it is not asked for again at such a batch."""
        self._unanswered.add((device, bucket_of(batch)))

    def decide(self, seen: Seen, asked: Asked) -> Move | None:
        """What is to change now, if anything; `choice` and `reason` say what was thought."""
        undo = self._undo(seen, asked)
        if undo is not None:
            return undo
        before, self._bucket = self._bucket, bucket_of(seen.batch)
        if before != self._bucket and seen.meets_target:
            self.reason = f"batches of {seen.batch} are new; one more window is looked at"
            return None
        try:
            expected, self.choice = self._chosen(seen, asked)
        except PolicyError as error:
            self.choice, self.reason = None, f"no choice: {error.found}; {error.remedy}"
            return None
        return self._guarded(self.choice, seen, asked.served.in_force, expected)

    def moved(self, judged_against: str | None, at_s: float, reason: str) -> None:
        """Note that another device came into force because we wanted it to.

        The next window judges it against the one it came from; None: it is not judged.
        """
        self._since_s, self._judged_against, self.reason = at_s, judged_against, reason

    def _learn(self, device: str, batch: int, batch_ms: float, at_s: float, asked: Asked) -> None:
        try:
            expected, _ = asked.expected(batch, None)
        except PolicyError as error:
            self.reason = f"no choice: {error.found}; {error.remedy}"
            return
        if device in expected:
            self._measured_s[device, bucket_of(batch)] = at_s
            self._tuning.observe(device, math.log(batch_ms / expected[device].latency_ms))

    def _chosen(self, seen: Seen, asked: Asked) -> tuple[Mapping[str, Expected], DeviceChoice]:
        """What the policy says.

        Raises:
            PolicyError: it cannot say anything.
        """
        expected, is_strange = asked.expected(seen.batch, self._tuning)
        among = self._allowed(expected, seen)
        choice = choose_device(
            among,
            DevicePolicy.ENERGY_UNDER_TARGET,
            sure_from=asked.predictor.sure_from(ENERGY),
            target_ms=asked.job.target.latency_ms * seen.batch,
            is_strange=is_strange,
            measured=self._measured(seen),
        )
        return expected, replace(choice, reason=choice.reason + left_out(expected, among))

    def _undo(self, seen: Seen, asked: Asked) -> Move | None:
        """The first window after a change judges it."""
        came_from, self._judged_against = self._judged_against, None
        same_batch = bucket_of(seen.batch) == self._bucket  # else it is the load's doing
        is_judged = seen.device == asked.served.in_force and same_batch
        if came_from is None or not is_judged or seen.meets_target:
            return None
        if came_from not in asked.served.held:
            return None
        self._taken_back_s[seen.device, bucket_of(seen.batch)] = seen.at_s
        missed = f"{seen.image_ms:.4g} ms an image on {seen.device} miss the target"
        return Move(MoveKind.UNDO, came_from, f"taken back: {missed}")

    def _guarded(
        self, choice: DeviceChoice, seen: Seen, here: str, expected: Mapping[str, Expected]
    ) -> Move | None:
        settled = {here, *self._measured(seen)}
        settled |= {device for device, size in self._unanswered if size == bucket_of(seen.batch)}
        unmeasured = [each for each in choice.to_measure if each not in settled]
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
        why_not = self._why_not(choice, seen, here, expected)
        if why_not is not None:
            self.reason = why_not
            return None
        how = "measured" if choice.is_measured else f"P = {choice.p:.2f}"
        return Move(MoveKind.SWITCH, choice.device, f"{choice.reason} ({how})")

    def _why_not(
        self, choice: DeviceChoice, seen: Seen, here: str, expected: Mapping[str, Expected]
    ) -> str | None:
        """What speaks against a change; nothing where the target is missed."""
        if not seen.meets_target or here not in expected:
            return None
        if choice.meets_target is False:
            return f"it stays on {here}, which meets the target; {choice.reason}"
        saved = 1.0 - expected[choice.device].energy_j / expected[here].energy_j
        if saved < self._limits.dead_band:
            return (
                f"dead band: {choice.device} would save {max(saved, 0.0):.1%}, less than "
                f"{self._limits.dead_band:.0%}"
            )
        since = None if self._since_s is None else seen.at_s - self._since_s
        if since is not None and since < self._limits.hold_s:
            return f"hold time: the last change was {since:.0f} s ago; {choice.reason}"
        return None

    def _allowed(self, expected: Mapping[str, Expected], seen: Seen) -> tuple[Expected, ...]:
        """Those that bear the load and were not taken back lately; all where none does."""
        able = bearing(expected, seen.rate_per_s * seen.batch)
        barred = self._lately(self._taken_back_s, seen)
        free = tuple(each for each in able if each.device not in barred)
        return free or able or tuple(expected.values())

    def _measured(self, seen: Seen) -> frozenset[str]:
        return self._lately(self._measured_s, seen)

    def _lately(self, when_s: Mapping[tuple[str, int], float], seen: Seen) -> frozenset[str]:
        """Devices of which something is remembered for such a batch."""
        return frozenset(
            device
            for (device, size), at_s in when_s.items()
            if size == bucket_of(seen.batch) and seen.at_s - at_s < self._limits.remember_s
        )
