"""Lengths of time as people write them."""

from __future__ import annotations

import argparse
import re

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")


def seconds(text: str) -> float:
    """Read `90s`, `15m`, `2h` or `1d`; for argparse.

    Raises:
        argparse.ArgumentTypeError: it is none of them.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or not float(match[1]) > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 90s, 15m, 2h, 1d")
    return float(match[1]) * _UNITS_S[match[2]]
