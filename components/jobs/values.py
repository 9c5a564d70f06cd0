"""How the text of each kind of value is read; ValueError says what is wrong with it."""

from __future__ import annotations

import difflib
import math
import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from components.jobs.job import Mode
from components.jobs.target import Statistic
from components.jobs.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_SERVERS = ("prometheus", "mlserver", "triton", "vllm")
_METRICS = re.compile(rf"(?:{'|'.join(_SERVERS)}):([0-9]{{1,5}})(/[^\s?#]*)?")
_DEVICE = re.compile(r"cpu|(igpu|dgpu|npu)(:[0-9]{1,2})?")
_MAX_PORT = 65535


def nearest(word: str, known: Iterable[str]) -> str:
    """Find the known word that is most like another."""
    return difflib.get_close_matches(word.lower(), [str(k) for k in known], n=1, cutoff=0.0)[0]


def truth(text: str) -> bool:
    """Read `true` or `false`."""
    if text.lower() not in {"true", "false"}:
        raise ValueError("it is neither true nor false")
    return text.lower() == "true"


def number(text: str) -> float:
    """Read a finite number."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("it is no number") from None
    if not math.isfinite(value):
        raise ValueError("it is not finite")
    return value


def positive(text: str) -> float:
    """Read a finite number above 0."""
    value = number(text)
    if value <= 0:
        raise ValueError("it is not above 0")
    return value


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    value = number(text)
    if not 0.0 <= value <= 1.0:
        raise ValueError("it is not from 0 to 1")
    return value


def whole(text: str) -> int:
    """Read a whole number."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("it is no whole number")
    return int(text)


def natural(text: str) -> int:
    """Read a whole number from 0 up."""
    value = whole(text)
    if value < 0:
        raise ValueError("it is below 0")
    return value


def count(text: str) -> int:
    """Read a whole number from 1 up."""
    value = whole(text)
    if value < 1:
        raise ValueError("it is below 1")
    return value


def statistic(text: str) -> Statistic:
    """Read what a target speaks of."""
    _refuse_other_than(Statistic, text)
    return Statistic(text)


def mode(text: str) -> Mode:
    """Read how far joulepilot may go."""
    _refuse_other_than(Mode, text)
    return Mode(text)


def word(text: str) -> str:
    """Read a name."""
    if not text or not text.isprintable():
        raise ValueError("it is empty or not printable")
    return text


def metrics(text: str) -> str:
    """Read where latency is read: `prometheus:PORT/PATH`, or another kind of server's name."""
    match = _METRICS.fullmatch(text)
    if match is None:
        others = ", ".join(_SERVERS[1:])
        raise ValueError(f"it is not built as prometheus:PORT/PATH (or {others} before the colon)")
    if not 1 <= int(match[1]) <= _MAX_PORT:
        raise ValueError(f"{match[1]} is no port from 1 to {_MAX_PORT}")
    return text


def devices(text: str) -> tuple[str, ...]:
    """Read a list like `cpu,dgpu:0`."""
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not _DEVICE.fullmatch(name):
            near = nearest(name.split(":", maxsplit=1)[0], ("cpu", "igpu", "dgpu", "npu"))
            raise ValueError(f"{name!r} is no device; the nearest is {near!r}")
    if len(set(names)) < len(names):
        raise ValueError("it names a device twice")
    return names


def variants(text: str) -> tuple[Variant, ...]:
    """Read a list of versions with their quality, like `default:0.76,int8:0.75`."""
    found = []
    for part in text.split(","):
        name, colon, quality = part.strip().partition(":")
        if not (name and colon):
            raise ValueError(f"{part.strip()!r} is not built as NAME:QUALITY")
        found.append(Variant(word(name), number(quality)))
    if len({each.name for each in found}) < len(found):
        raise ValueError("it names a version twice")
    return tuple(found)


def absolute_path(text: str) -> str:
    """Read a path from the root."""
    if not PurePosixPath(text).is_absolute():
        raise ValueError("it is not an absolute path")
    return text


def time(text: str) -> datetime:
    """Read a moment in ISO 8601, with its time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("it is no time in ISO 8601") from None
    if moment.tzinfo is None:
        raise ValueError("it has no time zone")
    return moment


def _refuse_other_than(kinds: type[StrEnum], text: str) -> None:
    if text not in list(kinds):
        raise ValueError(
            f"it is none of {', '.join(kinds)}; the nearest is {nearest(text, kinds)!r}"
        )
