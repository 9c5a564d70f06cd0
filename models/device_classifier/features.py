"""Views of a table's features, fitted on training rows only."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.roofline import roofline_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.roofline import Term
    from models.device_classifier.table import FloatArray

WIDE = 20.0  # a feature whose values span more than this ratio is looked at by its logarithm
MOST_PAIRED = 10  # features that are crossed; the others stay alone
VIEWS = ("raw", "log", "ratios", "squares")


@dataclass(frozen=True, slots=True, eq=False)
class FeatureViews:
    """How raw features become what a learner is fitted on.

    Attributes:
        names: of the raw features, F of them.
        kept: indices of those that vary in the training rows.
        fill: [F] medians that stand in for what is not known.
        scales: [F] where the logarithm takes over; 0 for features looked at as they are.
        center, spread: [F] of the scaled values of the training rows.
        paired: indices of those that are crossed with each other.
        least: [F] smallest values of the training rows.
    """

    names: tuple[str, ...]
    kept: tuple[int, ...]
    fill: FloatArray
    scales: FloatArray
    center: FloatArray
    spread: FloatArray
    paired: tuple[int, ...]
    least: FloatArray

    @classmethod
    def fitted(cls, names: Sequence[str], features: FloatArray) -> FeatureViews:
        """Fit on training rows [N, F]."""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", RuntimeWarning
            )  # a feature nobody knows: median of none
            fill = np.nan_to_num(np.nanmedian(features, axis=0))
        filled = np.where(np.isnan(features), fill, features)
        kept = tuple(int(j) for j in np.flatnonzero(np.ptp(filled, axis=0) > 0))
        scales = np.array([_scale(column) for column in filled.T])
        scaled = _scaled(filled, scales)
        spread = np.maximum(scaled.std(axis=0), 1e-12)
        wide_first = sorted(kept, key=lambda j: (scales[j] == 0, -float(spread[j])))
        return cls(
            names=tuple(names),
            kept=kept,
            fill=fill,
            scales=scales,
            center=scaled.mean(axis=0),
            spread=spread,
            paired=tuple(sorted(wide_first[:MOST_PAIRED])),
            least=filled.min(axis=0),
        )

    def known(self, features: FloatArray) -> FloatArray:
        """The raw features with the unknown filled in, [N, F]."""
        return np.where(np.isnan(features), self.fill, features)

    def view(self, name: str, features: FloatArray) -> FloatArray:
        """One of `VIEWS`, [N, *]; all but `raw` are standardised.

        `ratios` adds sums and differences of the logarithms of pairs (products and quotients),
        `squares` the squares and products of the logarithms.
        """
        known = self.known(features)
        if name == "raw":
            return known[:, self.kept]
        standard = (_scaled(known, self.scales) - self.center) / self.spread
        alone = np.clip(standard, -6.0, 6.0)[:, self.kept]
        if name == "log":
            return alone
        pairs = [(i, j) for i in self.paired for j in self.paired if i < j]
        if name == "squares":
            crossed = [standard[:, i] * standard[:, j] for i, j in pairs]
            crossed += [standard[:, i] ** 2 for i in self.paired]
        else:
            logs = _scaled(known, self.scales)
            both = [(i, j) for i, j in pairs if self.scales[i] > 0 and self.scales[j] > 0]
            crossed = [logs[:, i] + logs[:, j] for i, j in both]
            crossed += [logs[:, i] - logs[:, j] for i, j in both]
        return np.column_stack([alone, *(np.clip(column, -60, 60) for column in crossed)])

    def products(self, features: FloatArray) -> FloatArray:
        """One, features, and products of two, each from its least training value up, [N, *]."""
        sizes = np.maximum(self.known(features) - np.minimum(self.least, 0.0), 0.0)
        alone = [sizes[:, i] for i in self.kept]
        crossed = [sizes[:, i] * sizes[:, j] for i in self.paired for j in self.paired if i <= j]
        return np.column_stack([np.ones(len(features)), *alone, *crossed])

    def terms(self, kind: str, features: FloatArray) -> tuple[Term, ...]:
        """Roofline terms of a device of this kind; none where the features' meaning is unknown."""
        return roofline_terms(self.names, self.known(features), kind)


def _scale(column: FloatArray) -> float:
    sizes = np.abs(column[column != 0])
    if sizes.size == 0 or sizes.max() / sizes.min() < WIDE:
        return 0.0
    return float(sizes.min()) / 4.0


def _scaled(features: FloatArray, scales: FloatArray) -> FloatArray:
    """The logarithm of wide features, also through 0 and below; others as they are."""
    is_wide = scales > 0
    return np.where(is_wide, np.arcsinh(features / np.where(is_wide, scales, 1.0)), features)
