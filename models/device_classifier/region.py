"""Where in the space of features something was learned, and how far outside a row lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.device_classifier.features import FeatureViews
    from models.device_classifier.table import FloatArray, TextArray

STRANGE = 1.0
MOST_POINTS = 256
ROOM = 0.25  # a feature may lie outside of its range by this share of it
LEAST_ROOM = 0.02  # of its size, where it never varied
USUAL = 0.99  # share of training rows that are no stranger to the other groups than the limit
SLACK = 1.5  # times that distance is still usual


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What was seen in training, as ranges and as points.

    Attributes:
        views: of the features.
        low, high, room: [F] of scaled features.
        points: [P, K] standardised features that vary, as the logarithmic view gives them.
        reach: root mean square distance to the nearest point that is still usual.
    """

    views: FeatureViews
    low: FloatArray
    high: FloatArray
    room: FloatArray
    points: FloatArray
    reach: float

    def strangeness(self, features: FloatArray) -> FloatArray:
        """Of rows [N]: above 1 where they are unlike all that was learned from."""
        scaled = self.views.scaled(features)
        outside = np.maximum(self.low - scaled, scaled - self.high) / self.room
        worst = np.maximum(outside.max(axis=1), 0.0)
        if len(self.points) == 0:
            return np.asarray(worst)
        x = self.views.view("log", features)
        return np.asarray(np.maximum(worst, (_nearest(x, self.points) / self.reach) ** 2))


def fit_region(views: FeatureViews, features: FloatArray, groups: TextArray, seed: int) -> Region:
    """Learn from training rows; how far apart groups lie is what is usual."""
    scaled = views.scaled(features)
    low, high = scaled.min(axis=0), scaled.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    room = np.maximum(ROOM * (high - low), np.maximum(LEAST_ROOM * size, 1e-9))
    rows = np.arange(len(features))
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), MOST_POINTS, replace=False))
    if not views.kept:
        return Region(views, low, high, room, np.zeros((0, 0)), 1.0)
    points = views.view("log", features[rows])
    return Region(views, low, high, room, points, _reach(points, groups[rows]))


def _reach(points: FloatArray, groups: TextArray) -> float:
    apart = np.array(
        [
            _nearest(points[[i]], points[groups != group])[0]
            for i, group in enumerate(groups)
            if (groups != group).any()
        ]
    )
    if len(apart) == 0:
        return 1.0
    return max(SLACK * float(np.quantile(apart, USUAL)), 1e-6)


def _nearest(x: FloatArray, points: FloatArray) -> FloatArray:
    squared = (x**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * x @ points.T
    return np.asarray(np.sqrt(np.maximum(squared.min(axis=1), 0.0) / x.shape[1]))
