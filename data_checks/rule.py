"""What a rule is: a sentence about what is right, and a test of figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Within:
    """A figure lies in [low, high], or in (low, high]."""

    low: float = -math.inf
    high: float = math.inf
    above_low: bool = False

    def __str__(self) -> str:
        if self.low == self.high:
            return f"is {self.low:g}"
        if self.low == -math.inf:
            return f"at most {self.high:g}"
        bound = "above" if self.above_low else "at least"
        text = f"{bound} {self.low:g}"
        return text if self.high == math.inf else f"{text} and at most {self.high:g}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text is one of these words."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"one of {', '.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Absent:
    """There is nothing."""

    def __str__(self) -> str:
        return "absent"


Test: TypeAlias = Within | OneOf | Absent


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is right of a row; what was not observed breaks no rule."""

    code: str
    right: str
    """In a sentence."""
    columns: tuple[str, ...]
    """Of `measure`; each must pass the test."""
    test: Test
    shows: tuple[str, ...] = ()
    """Fields of the row, else figures, that show what is wrong; when empty, `columns`."""
