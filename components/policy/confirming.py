"""A confirmation: is a candidate as good as it looked?

It is told in parts, since how far they disagree says what their mean is worth.
"""

from __future__ import annotations

import math

_PARTS = 5
_MOST = 3
"""One that stays undecided, its mean keeping the target, goes on to so many times its length."""


def next_part(n_confirmed: float, n_wanted: int) -> int:
    """Length of the next part, in windows.

    Args:
        n_confirmed: windows of this confirmation so far.
        n_wanted: windows that a confirmation takes.
    """
    left = math.ceil(n_wanted - n_confirmed)
    part = math.ceil(n_wanted / _PARTS)
    return min(left, part) if left > 0 else part


def outcome(
    n_confirmed: float, n_wanted: int, *, is_accepted: bool, is_refused: bool, is_over: bool
) -> bool | None:
    """Whether the candidate is confirmed or has failed; None while that is open."""
    if is_refused:
        return False
    if n_confirmed < n_wanted:
        return None
    if is_accepted:
        return True
    return False if is_over or n_confirmed >= _MOST * n_wanted else None
