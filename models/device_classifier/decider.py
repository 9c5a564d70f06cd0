"""Who decides, fitted: from features to the chances and expected losses of every device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.confidence import (
    MISTAKE,
    MOST_REGRET,
    Outlook,
    mean_costs,
    mean_outlook,
    outlook_of_costs,
    outlook_of_probabilities,
)

if TYPE_CHECKING:
    from models.device_classifier.confidence import Calibration
    from models.device_classifier.fitting import Fit
    from models.device_classifier.gate import Gate
    from models.device_classifier.selection import Choice
    from models.device_classifier.table import BoolArray, FloatArray, IntArray
    from models.device_classifier.task import Fitted

NO_RUN = 1e-9  # probability of a device that is not likely to run


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One of the learners that decide together.

    Attributes:
        fitted: log costs, or probabilities, of the C contenders.
        temperature: by how much a log cost must change to change the odds e-fold; None: it
            predicts log costs.
        weight: among all members.
    """

    fitted: Fitted
    temperature: float | None
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Decider:
    """The members together, calibrated.

    Attributes:
        n_devices: D of the table.
        among: the contenders, C indices of devices; others are never chosen.
        gate: whether a contender is likely to run at all.
        members: those that predict log costs give their weighted mean, which counts with all
            their weights among the probabilities of the others.
        draws: [S, C] what that mean missed by; None where no member predicts log costs.
        calibration: of the probability of the chosen device.
    """

    n_devices: int
    among: IntArray
    gate: Gate
    members: tuple[Member, ...]
    draws: FloatArray | None
    calibration: Calibration

    @property
    def costing(self) -> tuple[Member, ...]:
        """Members that predict log costs."""
        return tuple(each for each in self.members if each.temperature is None)

    @property
    def naming(self) -> tuple[tuple[Member, float], ...]:
        """Members that give probabilities, with their temperatures."""
        return tuple(
            (each, each.temperature) for each in self.members if each.temperature is not None
        )

    def outlook(self, features: FloatArray, shift: FloatArray | None = None) -> Outlook:
        """What to expect of all devices for raw features [N, F]; shift is [N, D]."""
        if shift is None:
            shift = np.zeros((len(features), self.n_devices))
        runs, moved = self.gate(features), shift[:, self.among]
        moved = moved - moved.min(axis=1, keepdims=True)
        calibrated = self._inner(features, runs, moved).calibrated(self.calibration)
        p = np.zeros((len(features), self.n_devices))
        loss = np.full(p.shape, MOST_REGRET + MISTAKE)
        p[:, self.among], loss[:, self.among] = calibrated.p, calibrated.loss
        return Outlook(p, loss)

    def _inner(self, features: FloatArray, runs: BoolArray, moved: FloatArray) -> Outlook:
        """Of the contenders, before calibration; `moved` [N, C] is added to log costs."""
        outlooks, weights = [], []
        if self.draws is not None:
            costs = mean_costs([(each.fitted(features), each.weight) for each in self.costing])
            outlooks.append(outlook_of_costs(np.where(runs, costs + moved, np.inf), self.draws))
            weights.append(sum(each.weight for each in self.costing))
        for each, temperature in self.naming:
            p = np.where(runs, each.fitted(features), NO_RUN) * np.exp(-moved / temperature)
            outlooks.append(outlook_of_probabilities(p / p.sum(axis=1, keepdims=True)))
            weights.append(each.weight)
        return mean_outlook(outlooks, weights)


def fitted_decider(choice: Choice, fit: Fit) -> Decider:
    """The chosen members as they were fitted."""
    members = tuple(
        Member(
            fit.fitted[name],
            choice.temperatures.get(name),
            weight,
        )
        for name, weight in choice.members.items()
    )
    draws = None if choice.draws is None else choice.draws[:, fit.among]
    return Decider(fit.n_devices, fit.among, fit.gate, members, draws, choice.calibration)
