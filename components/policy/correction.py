"""Online tuning: what measurements add to predictions, learned on the node, forgotten in time.

A prediction is a log cost of one quantity (`latency`, `energy`, `power`, …) of one target (a
device, or whatever else is predicted for) under one job (a network). Its miss, measured minus
predicted, is the sum of what the target is off by whatever runs on it, and what it is off by with
this job; each is followed by a Kalman filter, and two surprises to the same side mean a jump.

Usage:
    correction = Correction()
    correction = correction.observed(Key("latency", "dgpu", "resnet18"), miss, now_s)
    correction.shift(Key("latency", "dgpu", "other"), now_s)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERY_JOB = ""
"""The job of what a target is off by whatever runs on it."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a correction is of."""

    quantity: str
    target: str
    job: str = EVERY_JOB

    @property
    def of_target(self) -> Key:
        """The same quantity of the same target, whatever runs."""
        return Key(self.quantity, self.target)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What log costs are off by.

    Attributes:
        mean, variance: of the belief.
        surprise: -1, 0 or 1: whether the last miss was far below or above what was believed.
        n_observed: misses it was learned from.
        updated_s: time of the last one, as given by the caller's clock.
    """

    mean: float
    variance: float
    surprise: int = 0
    n_observed: int = 0
    updated_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CorrectionSettings:
    """How fast is learned and forgotten; variances are of natural logarithms.

    Attributes:
        target_variance, job_variance: believed before anything was measured.
        drift_variance: added for each miss: things change slowly.
        noise_variance: of one measurement.
        surprise_sigmas: a miss so far off is a surprise; two to the same side are a jump.
        jump_variance: believed after a jump.
        half_life_s: without a measurement half of what was learned is left after this, so that
            a device that is avoided for being slow is tried again.
        expires_s: an estimate this long without a measurement is forgotten.
    """

    target_variance: float = 0.02
    job_variance: float = 0.03
    drift_variance: float = 2e-4
    noise_variance: float = 0.01
    surprise_sigmas: float = 3.0
    jump_variance: float = 0.5
    half_life_s: float = 3_600.0
    expires_s: float = 7 * 86_400.0


MOST_MISS = 7.0  # natural logarithm: a factor of a thousand is a mistake of the measurement


@dataclass(frozen=True, slots=True)
class Correction:
    """All that was learned; a new one is made by every observation."""

    settings: CorrectionSettings = field(default_factory=CorrectionSettings)
    estimates: Mapping[Key, Estimate] = field(default_factory=dict)

    def shift(self, key: Key, now_s: float) -> float:
        """What to add to the predicted log cost; 0 for what was never measured."""
        keys = (key.of_target, key) if key.job else (key,)
        return sum(self._believed(each, now_s).mean for each in keys)

    def observed(self, key: Key, miss: float, now_s: float) -> Correction:
        """Learn from one measurement.

        Args:
            key: what was measured; with the job.
            miss: log of what was measured minus the log predicted without any shift.
            now_s: time; never before that of an earlier measurement.

        Raises:
            PolicyError: the miss is no finite number, or absurd.
        """
        if not abs(miss) <= MOST_MISS:
            raise PolicyError(
                f"asked to learn from a measurement of {key.quantity} on {key.target}",
                f"it differs from the prediction by a factor of e^{miss}",
                "check the unit and the meter; nothing was learned",
            )
        if not key.job:
            raise PolicyError(
                f"asked to learn what {key.target} is off by", "no job is named", "name the job"
            )
        target, job = self._before(key.of_target, now_s), self._before(key, now_s)
        spread = target.variance + job.variance + self.settings.noise_variance
        gap = miss - target.mean - job.mean
        side = self._side(gap / math.sqrt(spread))
        if side and side == target.surprise:
            target = replace(target, variance=max(target.variance, self.settings.jump_variance))
            spread = target.variance + job.variance + self.settings.noise_variance
            side = 0
        changed = {
            key.of_target: _updated(target, gap, spread, side, now_s),
            key: _updated(job, gap, spread, side, now_s),
        }
        return replace(self, estimates={**self.estimates, **changed})

    def without(
        self, *, quantity: str | None = None, target: str | None = None, job: str | None = None
    ) -> Correction:
        """What an operator asked to forget is forgotten; with no argument everything is."""
        kept = {
            key: estimate
            for key, estimate in self.estimates.items()
            if (quantity is not None and key.quantity != quantity)
            or (target is not None and key.target != target)
            or (job is not None and key.job != job)
        }
        return replace(self, estimates=kept)

    def without_expired(self, now_s: float) -> Correction:
        """Only what is still believed."""
        kept = {key: e for key, e in self.estimates.items() if self._live(key, now_s)}
        return replace(self, estimates=kept)

    def _side(self, sigmas: float) -> int:
        if abs(sigmas) <= self.settings.surprise_sigmas:
            return 0
        return 1 if sigmas > 0 else -1

    def _live(self, key: Key, now_s: float) -> Estimate | None:
        estimate = self.estimates.get(key)
        if estimate is None or now_s - estimate.updated_s > self.settings.expires_s:
            return None
        return estimate

    def _believed(self, key: Key, now_s: float) -> Estimate:
        """What is left of an estimate by now: it fades into what is believed of the unknown."""
        prior = self.settings.job_variance if key.job else self.settings.target_variance
        found = self._live(key, now_s)
        if found is None:
            return Estimate(0.0, prior)
        left = 0.5 ** (max(0.0, now_s - found.updated_s) / self.settings.half_life_s)
        variance = found.variance * left**2 + prior * (1.0 - left**2)
        return replace(found, mean=found.mean * left, variance=variance)

    def _before(self, key: Key, now_s: float) -> Estimate:
        found = self._believed(key, now_s)
        return replace(found, variance=found.variance + self.settings.drift_variance)


def _updated(before: Estimate, gap: float, spread: float, side: int, now_s: float) -> Estimate:
    gain = before.variance / spread
    return Estimate(
        mean=before.mean + gain * gap,
        variance=before.variance * (1.0 - gain),
        surprise=side,
        n_observed=before.n_observed + 1,
        updated_s=now_s,
    )
