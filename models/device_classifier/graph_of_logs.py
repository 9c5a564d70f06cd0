"""The logarithms that views and products of features are made of, written once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.products import LEAST_CLOCK, MOST_LOG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.device_classifier.features import FeatureViews
    from models.device_classifier.graph_writer import GraphWriter
    from models.device_classifier.products import Units
    from models.device_classifier.table import FloatArray, IntArray

NOTHING = 1e-90  # stands for 0 under a logarithm; three of them multiplied are still a number


class Logs:
    """Logarithms [B, L] of sums of features, held from below: one product, one bound, one log.

    Args:
        write: the graph.
        features: name of the raw features [B, F].
        views: whose wide features are needed.
        units: whose sizes are needed; those of features that are logarithms share their bases.
    """

    def __init__(
        self,
        write: GraphWriter,
        features: str,
        views: Iterable[FeatureViews],
        units: Iterable[Units],
    ) -> None:
        self._places: dict[tuple[object, ...], IntArray] = {}
        self._columns: list[tuple[FloatArray, float, float]] = []
        bases = np.zeros(0)
        for each in views:
            self._add_wide(each)
        for one in units:
            self._add_sizes(one)
            bases = one.log_bases if one.log_bases.any() else bases
        self.name = self._written(write, features, bases) if self._columns else ""

    def __len__(self) -> int:
        return len(self._columns)

    def wide(self, views: FeatureViews) -> IntArray:
        """Where the scaled wide features are, in order."""
        return self._places[_views_key(views)]

    def sizes(self, units: Units) -> IntArray:
        """Where sizes [F] are, and of 1 - clock share and clock share where there is one."""
        return self._places[_units_key(units)]

    def _add_wide(self, views: FeatureViews) -> None:
        if _views_key(views) not in self._places:
            wide = np.flatnonzero(views.scales > 0)
            rows = np.eye(2 * len(views.scales))[wide] / views.scales[wide, None]
            self._places[_views_key(views)] = self._added((row, 1.0, 1.0) for row in rows)

    def _add_sizes(self, units: Units) -> None:
        if _units_key(units) not in self._places:
            n_features = len(units.fill)
            is_log = units.log_bases > 0
            rows = np.eye(2 * n_features)[np.arange(n_features) + n_features * is_log]
            columns = [
                (row, -float(least), NOTHING) for row, least in zip(rows, units.least, strict=True)
            ]
            if units.clock is not None:
                clock = rows[units.clock]
                columns += [(-clock, 1.0, NOTHING), (clock, 0.0, LEAST_CLOCK)]
            self._places[_units_key(units)] = self._added(columns)

    def _added(self, columns: Iterable[tuple[FloatArray, float, float]]) -> IntArray:
        first = len(self._columns)
        self._columns += columns
        return np.arange(first, len(self._columns))

    def _written(self, write: GraphWriter, features: str, bases: FloatArray) -> str:
        weights, bias, lows = (np.array(each) for each in zip(*self._columns, strict=True))
        n_features = weights.shape[1] // 2
        found = write.gemm(features, weights[:, :n_features].T, bias)
        if len(bases):
            powers = write.clipped(write.with_number("Mul", features, bases), -MOST_LOG, MOST_LOG)
            found = write.gemm(write.op("Exp", powers), weights[:, n_features:].T, found)
        return write.op("Log", write.with_number("Max", found, lows))


def _views_key(views: FeatureViews) -> tuple[object, ...]:
    return (views.scales.tobytes(),)


def _units_key(units: Units) -> tuple[object, ...]:
    return units.least.tobytes(), units.log_bases.tobytes(), units.clock
