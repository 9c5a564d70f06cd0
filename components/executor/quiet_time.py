"""Maintenance windows: times of the week in which nothing on this node is changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.executor.errors import ExecutorSettingsError

if TYPE_CHECKING:
    from datetime import datetime

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(?:(mon|tue|wed|thu|fri|sat|sun) )?(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class QuietTime:
    """A span of a day, in UTC; it may reach over midnight."""

    day: int | None
    """On which it begins, Monday being 0; None: on every day."""
    begins_min: int
    """Minutes after midnight."""
    ends_min: int

    def holds(self, now: datetime) -> bool:
        """Whether it is now; `now` is in UTC."""
        at_min = now.hour * 60 + now.minute
        length = (self.ends_min - self.begins_min) % _DAY_MIN
        into = (at_min - self.begins_min) % _DAY_MIN
        began = now.weekday() if at_min >= self.begins_min else (now.weekday() - 1) % 7
        return into < length and self.day in {None, began}


def parse_quiet_time(text: str) -> QuietTime:
    """Read `02:00-04:00` (every day) or `sat 22:00-04:00`, in UTC.

    Raises:
        ExecutorSettingsError: it is neither.
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is not None:
        day, *numbers = match.groups()
        from_h, from_min, to_h, to_min = map(int, numbers)
        begins, ends = from_h * 60 + from_min, to_h * 60 + to_min
        if max(from_h, to_h) < 24 and max(from_min, to_min) < 60 and begins != ends:
            return QuietTime(None if day is None else _DAYS.index(day), begins, ends)
    raise ExecutorSettingsError(
        f"asked for the maintenance window {text!r}",
        "that is no span of a day",
        "write 02:00-04:00 or sat 22:00-04:00; times are UTC",
    )
