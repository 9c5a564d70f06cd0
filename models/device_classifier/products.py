"""Sums of products of features, with weights that are not negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.device_classifier.table import FloatArray

    Factors = tuple[tuple[int, int, int], ...]
    """Of each product, the three units that are multiplied."""

ONE = 0
LEAST_CLOCK = 0.02
MOST_LOG = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What products are made of: 1, sizes of features, their square roots, and the clock.

    Attributes:
        fill: [F] medians that stand in for what is not known.
        log_bases: [F] natural logarithm of the base where a feature is a logarithm; 0: plain.
        least: [F] subtracted, so that sizes start at 0.
        clock: index of the feature that is a clock's share of its maximum, if any.
    """

    fill: FloatArray
    log_bases: FloatArray
    least: FloatArray
    clock: int | None

    def size(self, feature: int) -> int:
        """Unit of a feature's size."""
        return 1 + feature

    def root(self, feature: int) -> int:
        """Unit of the square root of a feature's size."""
        return 1 + len(self.fill) + feature

    @property
    def slowed(self) -> int:
        """Unit of 1 - clock share."""
        return 1 + 2 * len(self.fill)

    @property
    def stretch(self) -> int:
        """Unit of 1 / clock share - 1, the share held from `LEAST_CLOCK` on."""
        return 2 + 2 * len(self.fill)

    def sizes(self, features: FloatArray) -> FloatArray:
        """Sizes of the features, [N, F], none below 0."""
        known = np.where(np.isnan(features), self.fill, features)
        if self.log_bases.any():
            powers = np.exp(np.clip(known * self.log_bases, -MOST_LOG, MOST_LOG))
            known = np.where(self.log_bases > 0, powers, known)
        return np.asarray(np.maximum(known - self.least, 0.0))

    def __call__(self, features: FloatArray) -> FloatArray:
        """All units, [N, U]."""
        sizes = self.sizes(features)
        units = [np.ones((len(features), 1)), sizes, np.sqrt(sizes)]
        if self.clock is not None:
            clock = np.minimum(sizes[:, [self.clock]], 1.0)
            units += [1.0 - clock, (1.0 - clock) / np.maximum(clock, LEAST_CLOCK)]
        return np.concatenate(units, axis=1)

    def products(self, features: FloatArray, factors: Factors) -> FloatArray:
        """The products, [N, T]."""
        units, chosen = self(features), np.array(factors)
        return np.asarray(units[:, chosen[:, 0]] * units[:, chosen[:, 1]] * units[:, chosen[:, 2]])
