"""What the administrator file says of frequencies."""

from __future__ import annotations

import difflib

from components.node.frequency import FrequencyWish

_WORDS = ("governor", "preference")
_BOUNDS = ("least-mhz", "most-mhz")


def frequency_wish(value: object) -> FrequencyWish:
    """Read the table `[frequency]`.

    Raises:
        TypeError, ValueError: what is wrong, and the key it stands at.
    """
    if not isinstance(value, dict):
        raise TypeError("it is no table")
    for key, said in value.items():
        if key not in (*_WORDS, *_BOUNDS):
            near = difflib.get_close_matches(key, (*_WORDS, *_BOUNDS), n=1, cutoff=0.0)[0]
            raise ValueError(f"{key!r} is unknown; the nearest is {near!r}", key)
        is_count = isinstance(said, int) and not isinstance(said, bool) and said > 0
        if not (is_count if key in _BOUNDS else isinstance(said, str) and said):
            what = "whole number of MHz above 0" if key in _BOUNDS else "word"
            raise ValueError(f"{key} = {said!r} is no {what}", key)
    wish = FrequencyWish(**{key.replace("-", "_"): said for key, said in value.items()})
    if wish.least_mhz and wish.most_mhz and wish.least_mhz > wish.most_mhz:
        raise ValueError("least-mhz is above most-mhz", "least-mhz")
    return wish
