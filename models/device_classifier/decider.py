"""Who decides, fitted: from features to the chances and expected losses of every device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.confidence import (
    MISTAKE,
    MOST_REGRET,
    Outlook,
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
        draws: [S, C] residuals of log costs; None: it gives probabilities.
        temperature: by how much a log cost must change to change the odds e-fold.
        weight: of its expectations among those of all members.
    """

    fitted: Fitted
    draws: FloatArray | None
    temperature: float
    weight: float

    def outlook(self, features: FloatArray, runs: BoolArray, shift: FloatArray) -> Outlook:
        """What it expects of the contenders; `shift` [N, C] is added to log costs."""
        values = self.fitted(features)
        if self.draws is not None:
            return outlook_of_costs(np.where(runs, values + shift, np.inf), self.draws)
        p = np.where(runs, values, NO_RUN) * np.exp(-shift / self.temperature)
        return outlook_of_probabilities(p / p.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Decider:
    """The mean of its members, calibrated.

    Attributes:
        n_devices: D of the table.
        among: the contenders, C indices of devices; others are never chosen.
        gate: whether a contender is likely to run at all.
    """

    n_devices: int
    among: IntArray
    gate: Gate
    members: tuple[Member, ...]
    calibration: Calibration

    def outlook(self, features: FloatArray, shift: FloatArray | None = None) -> Outlook:
        """What to expect of all devices for raw features [N, F]; shift is [N, D]."""
        if shift is None:
            shift = np.zeros((len(features), self.n_devices))
        runs, moved = self.gate(features), shift[:, self.among]
        moved = moved - moved.min(axis=1, keepdims=True)
        inner = mean_outlook(
            [each.outlook(features, runs, moved) for each in self.members],
            [each.weight for each in self.members],
        )
        calibrated = inner.calibrated(self.calibration)
        p = np.zeros((len(features), self.n_devices))
        loss = np.full(p.shape, MOST_REGRET + MISTAKE)
        p[:, self.among], loss[:, self.among] = calibrated.p, calibrated.loss
        return Outlook(p, loss)


def fitted_decider(choice: Choice, fit: Fit) -> Decider:
    """The chosen members as they were fitted."""
    members = tuple(
        Member(
            fit.fitted[name],
            choice.draws[name][:, fit.among] if name in choice.draws else None,
            choice.temperatures.get(name, 1.0),
            weight,
        )
        for name, weight in choice.members.items()
    )
    return Decider(fit.n_devices, fit.among, fit.gate, members, choice.calibration)
