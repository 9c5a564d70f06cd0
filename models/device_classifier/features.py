"""Views of a table's features, fitted on training rows only."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.table import FloatArray, IntArray

WIDE = 20.0  # a feature whose values span more than this ratio is looked at by its logarithm
MOST_PAIRED = 10  # features that are crossed; the others stay alone
MOST_ALONE = 6.0  # standardised values beyond are held there
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

    def scaled(self, features: FloatArray) -> FloatArray:
        """Logarithms of wide features, others as they are, [N, F]."""
        return _scaled(self.known(features), self.scales)

    def standard(self, features: FloatArray) -> FloatArray:
        """Scaled features from their mean in units of their spread, [N, F]."""
        return np.asarray((self.scaled(features) - self.center) / self.spread)

    def view(self, name: str, features: FloatArray) -> FloatArray:
        """One of `VIEWS`, [N, *]; all but `raw` are standardised.

        `ratios` adds sums and differences of the logarithms of pairs (products and quotients),
        `squares` the squares and products of what `log` gives.
        """
        if name == "raw":
            return self.known(features)[:, self.kept]
        alone = np.clip(self.standard(features)[:, self.kept], -MOST_ALONE, MOST_ALONE)
        if name == "log":
            return alone
        one, other = self.crossed(name)
        if name == "squares":
            return np.concatenate([alone, alone[:, one] * alone[:, other]], axis=1)
        scaled = self.scaled(features)[:, self.kept]
        sums, gaps = scaled[:, one] + scaled[:, other], scaled[:, one] - scaled[:, other]
        return np.concatenate([alone, sums, gaps], axis=1)

    def crossed(self, name: str) -> tuple[IntArray, IntArray]:
        """Which of the features that vary are crossed with which in a view, each [P]."""
        paired = [k for k, j in enumerate(self.kept) if j in self.paired]
        pairs = [(i, j) for i in paired for j in paired if i < j]
        if name == "squares":
            pairs += [(i, i) for i in paired]
        else:
            is_wide = self.scales[list(self.kept)] > 0
            pairs = [(i, j) for i, j in pairs if is_wide[i] and is_wide[j]]
        both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]


def _scale(column: FloatArray) -> float:
    sizes = column[column != 0]
    if sizes.size == 0 or sizes.min() < 0 or sizes.max() / sizes.min() < WIDE:
        return 0.0
    return float(sizes.min()) / 4.0


def _scaled(features: FloatArray, scales: FloatArray) -> FloatArray:
    """The logarithm of wide features, from 0 at 0; others as they are."""
    is_wide = scales > 0
    logs = np.log1p(np.maximum(features, 0.0) / np.where(is_wide, scales, 1.0))
    return np.where(is_wide, logs, features)
