"""What is believed of every candidate: forecasts, and measurements where there are some.

Shapes: B searches, C candidates. One code path for the node (B = 1) and for training (B in the
hundreds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy import normal
from components.policy.evidence import BOUND_SIGMAS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.policy.evidence import Evidence

CAUTION = 1.5
"""Power of P(feasible) in what a probe is worth: one seen above the target is one of few."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Means and sigma of log latency [ln ms] and log power [ln W], each of shape (B, C)."""

    latency_log: NDArray[np.float64]
    latency_sigma: NDArray[np.float64]
    power_log: NDArray[np.float64]
    power_sigma: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Belief:
    """Forecast where nothing was measured, measurement where something was."""

    forecast: Forecast
    p_feasible: NDArray[np.float64]
    """Shape (B, C): probability that the true latency keeps the target."""
    p_accepted: NDArray[np.float64]
    """Shape (B, C): probability that one more window makes the candidate accepted."""
    slack: NDArray[np.float64]
    """Shape (B, C): log target less believed log latency."""


def believe(forecast: Forecast, evidence: Evidence, target_log: NDArray[np.float64]) -> Belief:
    """Join forecast and measurements; what was measured stands for itself.

    Args:
        forecast: of every candidate.
        evidence: what was measured.
        target_log: shape (B,), natural logarithm of the target in ms.
    """
    measured = evidence.measured
    window = evidence.sigma[:, np.newaxis]
    error = np.where(measured, evidence.standard_error, 0.0)
    joined = Forecast(
        np.where(measured, evidence.latency_log, forecast.latency_log),
        np.where(measured, error, forecast.latency_sigma),
        np.where(measured, evidence.power_log, forecast.power_log),
        np.where(measured, error, forecast.power_sigma),
    )
    slack = target_log[:, np.newaxis] - joined.latency_log
    after = evidence.n_windows + 1.0
    spread = np.hypot(joined.latency_sigma, window) / np.where(measured, after, 1.0)
    bound = BOUND_SIGMAS * window / np.sqrt(after)
    return Belief(
        forecast=joined,
        p_feasible=normal.cdf(slack / joined.latency_sigma),
        p_accepted=normal.cdf((slack - bound) / spread),
        slack=slack,
    )


def improvement(belief: Belief, reference_power_log: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected saving of one more window per candidate, in log power; shape (B, C).

    The less likely a candidate keeps its target, the less it counts: `CAUTION`.
    """
    gain = reference_power_log[:, np.newaxis] - belief.forecast.power_log
    saving = belief.p_accepted * normal.mean_above_zero(gain, belief.forecast.power_sigma)
    return np.asarray(saving * belief.p_feasible**CAUTION)
