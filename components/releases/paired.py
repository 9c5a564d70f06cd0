"""Paired differences over cases, and how much of them is noise."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """Mean of a difference over cases and the standard error of that mean."""

    mean: float
    standard_error: float
    n_cases: int

    @classmethod
    def of(cls, differences: Sequence[float]) -> MeanDifference | None:
        """Sum up; None below two cases, which have no standard error."""
        n_cases = len(differences)
        if n_cases < 2:  # one difference has no deviation
            return None
        error = statistics.stdev(differences) / math.sqrt(n_cases)
        return cls(statistics.fmean(differences), error, n_cases)


@dataclass(frozen=True, slots=True)
class CountDifference:
    """How often something holds for a first and a second, case by case (McNemar's table)."""

    n_only_first: int
    n_only_second: int
    n_both: int
    n_cases: int

    @classmethod
    def of(cls, first: Sequence[bool], second: Sequence[bool]) -> CountDifference:
        """Count; both in the same order of cases."""
        pairs = list(zip(first, second, strict=True))
        return cls(
            n_only_first=sum(a and not b for a, b in pairs),
            n_only_second=sum(b and not a for a, b in pairs),
            n_both=sum(a and b for a, b in pairs),
            n_cases=len(pairs),
        )

    @property
    def n_first(self) -> int:
        """Cases it holds for the first."""
        return self.n_both + self.n_only_first

    @property
    def n_second(self) -> int:
        """Cases it holds for the second."""
        return self.n_both + self.n_only_second

    @property
    def allowed_surplus(self) -> float:
        """How many more the first may have by chance: two deviations of the cases that differ."""
        return 2 * math.sqrt(self.n_only_first + self.n_only_second)

    @property
    def is_more(self) -> bool:
        """Whether it holds for the first more often, beyond chance."""
        return self.n_only_first - self.n_only_second > self.allowed_surplus
