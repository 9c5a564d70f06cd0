"""Price of electricity and carbon intensity over time: from files, and as far as they reach."""

from __future__ import annotations

import csv
import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from components.planning.errors import SignalError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STALE_S = 2 * 3600.0
"""A signal whose newest value was measured longer ago says nothing any more."""
DAY_S = 86_400.0


class Quantity(StrEnum):
    """What a signal speaks of."""

    PRICE = "price"
    """Money per kWh, in whatever currency."""
    CARBON = "carbon"
    """gCO2e per kWh."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Values that hold from their time on, ascending; times are seconds since the epoch, UTC."""

    quantity: Quantity
    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, now_s: float) -> float | None:
        """The value that holds now; None before the first, and once the newest is stale."""
        position = bisect_right(self.times_s, now_s) - 1
        if position < 0 or self.is_stale(now_s):
            return None
        return self.values[position]

    def is_stale(self, now_s: float) -> bool:
        """Whether nothing newer than `STALE_S` is known."""
        return not self.times_s or now_s - self.times_s[-1] > STALE_S

    def mean(self, from_s: float, to_s: float) -> float | None:
        """Mean over a stretch of time, as far as it is known of it; None where none of it is."""
        until = (*self.times_s[1:], self.times_s[-1] + STALE_S) if self.times_s else ()
        weighed = seconds = 0.0
        for begin_s, end_s, value in zip(self.times_s, until, self.values, strict=True):
            held_s = min(end_s, to_s) - max(begin_s, from_s)
            if held_s > 0.0:
                weighed, seconds = weighed + held_s * value, seconds + held_s
        return weighed / seconds if seconds else None

    def known_until(self, now_s: float) -> Signal:
        """What of it is known now: values of the future are not."""
        position = bisect_right(self.times_s, now_s)
        return Signal(self.quantity, self.times_s[:position], self.values[:position])

    def forecast(self, at_s: float, now_s: float) -> float | None:
        """What to expect of a later time: what was a day before it, else what is now.

        Where the signal itself reaches that far (a published day-ahead price), that is taken.
        """
        if self.times_s and at_s <= self.times_s[-1]:
            return self._holding(at_s)
        days = 1
        while at_s - days * DAY_S > now_s:
            days += 1
        yesterday = self._holding(at_s - days * DAY_S)
        return self.at(now_s) if yesterday is None else yesterday

    def _holding(self, at_s: float) -> float | None:
        position = bisect_right(self.times_s, at_s) - 1
        return self.values[position] if position >= 0 else None


@dataclass(frozen=True, slots=True)
class Mapping:
    """How rows of a foreign source are read: names of the fields, and what values are worth."""

    time: str = "time"
    value: str = "value"
    rows: str = ""
    """Where the list is in a JSON document: names with dots between them; "" is the top."""
    factor: float = 1.0
    """From the source's unit to ours, like 0.001 from a price per MWh."""


PLAIN = Mapping()


def read_signal(path: Path, quantity: Quantity, mapping: Mapping = PLAIN) -> Signal:
    """Read a signal from a CSV with a header, or from JSON.

    Raises:
        SignalError: it cannot be read, or a row is not as declared; names the row.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(str(path), str(error)) from error
    return parse_signal(text, str(path), quantity, mapping, is_json=path.suffix == ".json")


def parse_signal(
    text: str, where: str, quantity: Quantity, mapping: Mapping, *, is_json: bool
) -> Signal:
    """Read a signal from text.

    Raises:
        SignalError: as `read_signal`.
    """
    rows = _json_rows(text, where, mapping) if is_json else csv.DictReader(text.splitlines())
    pairs = sorted(_pairs(rows, where, mapping))
    if not pairs:
        raise _bad(where, "it has no row")
    return Signal(quantity, tuple(t for t, _ in pairs), tuple(v for _, v in pairs))


def _json_rows(text: str, where: str, mapping: Mapping) -> list[dict[str, Any]]:
    try:
        content = json.loads(text)
        for name in filter(None, mapping.rows.split(".")):
            content = content[name]
    except (ValueError, KeyError, TypeError) as error:
        raise _bad(where, f"there are no rows at {mapping.rows!r}: {error}") from error
    if not isinstance(content, list):
        raise _bad(where, f"what is at {mapping.rows!r} is no list")
    return content


def _pairs(
    rows: Iterable[dict[str, Any]], where: str, mapping: Mapping
) -> Iterable[tuple[float, float]]:
    for number, row in enumerate(rows, start=1):
        try:
            value = float(row[mapping.value]) * mapping.factor
            yield _seconds(row[mapping.time]), value
        except (KeyError, TypeError, ValueError) as error:
            raise _bad(where, f"row {number} has no usable time and value: {error}") from error


def _seconds(value: object) -> float:
    """Seconds since the epoch, from a number or a time in ISO 8601 with its zone."""
    text = str(value)
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment.timestamp()


def _bad(where: str, found: str) -> SignalError:
    return SignalError(
        f"asked for the signal of {where}",
        found,
        "give rows of time (ISO 8601 with zone, or seconds) and value, or declare their names",
    )
