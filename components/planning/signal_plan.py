"""Where price and carbon intensity come from, as the administrator file says it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from components.planning.signal_source import FileSignal, HttpSignal
from components.planning.signals import PLAIN, Mapping, Quantity

_ADDRESS = ("http://", "https://")
_WORDS = ("source", *(field.name for field in fields(Mapping)))


@dataclass(frozen=True, slots=True)
class SignalPlan:
    """One source, and how its rows are read."""

    source: str
    """A web address, or the path of a CSV or JSON file."""
    mapping: Mapping = PLAIN

    def open(self, quantity: Quantity) -> FileSignal | HttpSignal:
        """Begin to follow it; nothing is read yet."""
        if self.source.startswith(_ADDRESS):
            return HttpSignal(self.source, quantity, self.mapping)
        return FileSignal(Path(self.source), quantity, self.mapping)


def signal_plans(value: object) -> dict[Quantity, SignalPlan]:
    """Read the table `[signals]`, which has a table for each quantity.

    Raises:
        TypeError, ValueError: what is wrong, and the key it stands at.
    """
    if not isinstance(value, dict):
        raise TypeError("it is no table")
    return {_quantity(name): _plan(name, table) for name, table in value.items()}


def _quantity(name: str) -> Quantity:
    if name not in set(Quantity):
        raise ValueError(f"{name!r} is unknown; there are {', '.join(Quantity)}", name)
    return Quantity(name)


def _plan(name: str, table: Any) -> SignalPlan:
    if not isinstance(table, dict) or not isinstance(table.get("source"), str):
        raise TypeError(f'{name} has no source, like "/etc/joulepilot/{name}.csv"', name)
    for key, value in table.items():
        if key not in _WORDS:
            near = difflib.get_close_matches(key, _WORDS, n=1, cutoff=0.0)[0]
            raise ValueError(f"{key!r} is unknown; the nearest is {near!r}", key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number if key == "factor" else isinstance(value, str)):
            raise TypeError(
                f"{key} = {value!r} is no {'number' * (key == 'factor') or 'text'}", key
            )
    source = table["source"]
    if not source.startswith(_ADDRESS) and not Path(source).is_absolute():
        raise ValueError(f"{source!r} is neither http(s)://… nor a path from the root", "source")
    return SignalPlan(source, Mapping(**{k: v for k, v in table.items() if k != "source"}))
