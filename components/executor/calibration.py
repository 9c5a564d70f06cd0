"""How well a policy's predictions fit what is then measured."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.jobs.candidate import Prediction
    from components.policy.steps import Observation

MOST_KEPT = 64
JUDGED_BY = 6
"""The newest so many first looks say whether a policy fits this node."""
LEAST = 4
FAR_SIGMAS = 4.0
FAR_LOG = 0.15
"""Predictions are off when the median misses by more than this, and by more than it admits."""
WITHIN = 2.0


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Latency predictions against what was measured, of candidates never measured before."""

    n: int
    mean_log_error: float | None
    """Measured over predicted, as a mean natural logarithm; above 0: too optimistic."""
    median_abs_log_error: float | None
    share_within_2_sigma: float | None
    """About 0.95 where sigma is honest; None while there is nothing to say."""


class Calibration:
    """Keeps the newest comparisons of one policy on one job."""

    def __init__(self) -> None:
        self._errors: deque[tuple[float, float]] = deque(maxlen=MOST_KEPT)

    def compare(self, predictions: Iterable[Prediction], observation: Observation) -> None:
        """Hold a measurement against what was predicted of its candidate, if anything was."""
        for predicted in predictions:
            if predicted.candidate == observation.candidate:
                error = math.log(observation.latency_ms / predicted.latency_ms)
                self._errors.append((error, max(predicted.latency_log_sigma, 1e-6)))

    def clear(self) -> None:
        """Forget everything: it is another policy, or another job."""
        self._errors.clear()

    @property
    def is_off(self) -> bool:
        """Whether the policy is clearly wrong about this job on this node."""
        newest = list(self._errors)[-JUDGED_BY:]
        return (
            len(newest) >= LEAST
            and median(abs(error) for error, _ in newest) > FAR_LOG
            and median(abs(error) / sigma for error, sigma in newest) > FAR_SIGMAS
        )

    def report(self) -> CalibrationReport:
        """Sum up."""
        return report_of(self._errors)

    @property
    def errors(self) -> tuple[tuple[float, float], ...]:
        """Log error and predicted sigma of each comparison, oldest first."""
        return tuple(self._errors)


def report_of(errors: Iterable[tuple[float, float]]) -> CalibrationReport:
    """Sum up comparisons, of one job or of many."""
    pairs = list(errors)
    if not pairs:
        return CalibrationReport(0, None, None, None)
    return CalibrationReport(
        n=len(pairs),
        mean_log_error=fmean(error for error, _ in pairs),
        median_abs_log_error=median(abs(error) for error, _ in pairs),
        share_within_2_sigma=fmean(abs(e) <= WITHIN * sigma for e, sigma in pairs),
    )
