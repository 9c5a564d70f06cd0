"""So many moves at once, and so many an hour after that."""

from __future__ import annotations

from dataclasses import dataclass, field

_HOUR_S = 3600.0


@dataclass(slots=True)
class Allowance:
    """A budget that fills up again with time; times are those of a clock that only grows."""

    most: float
    """What can be spent at once."""
    per_hour: float
    _left: float = field(init=False)
    _at_s: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._left = self.most

    def left(self, at_s: float) -> float:
        """What may be spent now."""
        if self._at_s is not None:
            passed_s = max(at_s - self._at_s, 0.0)
            self._left = min(self._left + passed_s * self.per_hour / _HOUR_S, self.most)
        self._at_s = at_s
        return self._left

    def allows(self, at_s: float) -> bool:
        """Whether one more may be spent now."""
        return self.left(at_s) >= 1.0

    def spend(self, at_s: float) -> None:
        """Spend one; also where none is left, so that whoever overdraws waits longer."""
        self._left = self.left(at_s) - 1.0
