"""Stepping stones: probes that save nothing themselves, but show more of what may.

Under the least P(feasible) that a job allows, a search often ends beside candidates that would save
much and are not sure enough to be probed. One that may be probed, and is more like such a candidate
than anything measured, tells more of it; often enough for it to be probed next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.policy import normal
from components.policy.features import CANDIDATE_FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.policy.rows import Situation

LEAST_HOPE = 4e-3
"""Saving in log power, times P(feasible), that is worth a probe which only tells more of it."""
_NEARER = 0.95
"""Share of the distance to the nearest measured candidate at which a stone tells enough more."""
_LEAST_LEFT = 4.0
"""Probes, the stone included: with fewer, what it shows is of little use, and the choice waits."""
_MOST_WANTED = 20
_COLUMN = {spec.name: at for at, spec in enumerate(CANDIDATE_FEATURES)}
_PLACES = {"log_cpus": 1.0, "log_effective_cores": 1.0, "is_spread": 0.5, "is_smt": 0.5}
"""What makes candidates alike, and how much a unit of it counts."""


def stepping_stone(situation: Situation, features: NDArray[np.float32]) -> int | None:
    """Find a candidate to probe for what it tells of a better one; None where there is none.

    Args:
        situation: of a single search, in which no probe that may save is left.
        features: shape (C, 21), `candidate_features`.
    """
    hope = _hope(situation)
    wanted = np.argsort(-hope, kind="stable")[:_MOST_WANTED]
    wanted = wanted[hope[wanted] >= LEAST_HOPE]
    measured = situation.evidence.measured[0]
    stones = situation.open[0] & ~measured
    if situation.spent.probes_left[0] < _LEAST_LEFT or not wanted.size or not stones.any():
        return None
    apart = _distance(features, wanted)
    to_stone = np.where(stones, apart, np.inf).min(axis=1)
    helped = to_stone < _NEARER * np.where(measured, apart, np.inf).min(axis=1)
    if not helped.any():
        return None
    return int(np.where(stones, apart[helped.argmax()], np.inf).argmin())


def _hope(situation: Situation) -> NDArray[np.float64]:
    """Shape (C,): mean saving times P(feasible), also of candidates that may not be probed."""
    belief = situation.belief
    gain = situation.incumbent_power_log[:, np.newaxis] - belief.forecast.power_log
    saving = normal.mean_above_zero(gain, belief.forecast.power_sigma)
    return np.asarray(np.where(situation.undecided, saving * belief.p_feasible, 0.0)[0])


def _distance(features: NDArray[np.float32], wanted: NDArray[np.intp]) -> NDArray[np.float64]:
    """Shape (W, C): how unlike each wanted candidate all candidates are."""
    places = features[:, [_COLUMN[name] for name in _PLACES]] * np.asarray([*_PLACES.values()])
    return np.asarray(np.linalg.norm(places[wanted, np.newaxis] - places[np.newaxis], axis=2))
