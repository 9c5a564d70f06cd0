"""A large batch over two devices at once: which two, what share, and whether it pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.policy.device_policies import Expected
    from models.device_classifier.choose_question import Question

STEPS = 32
"""Shares that are looked at: multiples of 1/32."""
LEAST_BATCH = 32
BEYOND = 2.0
"""A gain counts when it is more than so many standard deviations of what is predicted."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The best split of one batch, beside the better device alone.

    Attributes:
        first, second: the devices; `first` gets `share` of the inputs.
        latency_ms: until both are done.
        energy_j: of both.
        alone: the better single device by the policy.
        gain: in what the policy asks for, relative to `alone`; below 0: it loses.
        log_sigma: of that gain.
    """

    first: str
    second: str
    share: float
    latency_ms: float
    energy_j: float
    alone: str
    gain: float
    log_sigma: float

    @property
    def pays(self) -> bool:
        """Whether the gain is more than the error of what is predicted."""
        return self.gain > BEYOND * self.log_sigma


def best_partition(question: Question) -> Partition | None:
    """The best of all pairs of devices of different kinds; None where there is nothing to split.

    Both parts begin at once; that one device slows the other (shared memory, power limits) is
    not known to the classifier and not counted.
    """
    if question.batch < LEAST_BATCH:
        return None
    sizes = [max(round(question.batch * step / STEPS), 1) for step in range(1, STEPS)]
    outlooks = question.outlooks([*sizes, question.batch])
    parts = [{each.device: each for each in outlook.devices} for outlook in outlooks]
    whole = parts.pop()
    by_energy = question.policy.objective == "energy"
    alone = min(whole.values(), key=lambda each: _cost(each.latency_ms, each.energy_j, by_energy))
    found = []
    for one, other in combinations(question.devices, 2):
        if question.kind(one) == question.kind(other):
            continue
        for step in range(1, STEPS):
            a, b = parts[step - 1][one], parts[STEPS - step - 1][other]
            latency_ms, energy_j = max(a.latency_ms, b.latency_ms), a.energy_j + b.energy_j
            cost = _cost(latency_ms, energy_j, by_energy)
            found.append((cost, one, other, step / STEPS, latency_ms, energy_j, _sigma(a, b)))
    if not found:
        return None
    cost, one, other, share, latency_ms, energy_j, sigma = min(found)
    best = _cost(alone.latency_ms, alone.energy_j, by_energy)
    # what the better device is off by, both sides of the comparison are off by
    moved = {one: 1.0 - share, other: share}.get(alone.device, 1.0)
    return Partition(
        one,
        other,
        share,
        latency_ms,
        energy_j,
        alone.device,
        1.0 - cost / best,
        moved * math.hypot(sigma, alone.latency_log_sigma),
    )


def _cost(latency_ms: float, energy_j: float, by_energy: bool) -> float:
    return energy_j if by_energy else latency_ms


def _sigma(a: Expected, b: Expected) -> float:
    return max(a.latency_log_sigma, b.latency_log_sigma)
