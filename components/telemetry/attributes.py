"""Attributes of an event, and reading them strictly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeGuard, TypeVar

from components.telemetry.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from enum import StrEnum

AttributeValue: TypeAlias = (
    "bool | int | float | str | bytes | tuple[AttributeValue, ...] | dict[str, AttributeValue]"
)
Attributes: TypeAlias = "dict[str, AttributeValue]"

_T = TypeVar("_T")
_E = TypeVar("_E", bound="StrEnum")


@dataclass(frozen=True, slots=True)
class AttributeReader:
    """Reads typed fields out of an event's attributes; every refusal names the field.

    Each method raises EventError when the field is absent or of another kind.
    """

    event: str
    attributes: Mapping[str, AttributeValue]

    def maybe(self, read: Callable[[str], _T], name: str) -> _T | None:
        """Read a field that may be absent, which is None: not observed."""
        return read(name) if name in self.attributes else None

    def text(self, name: str) -> str:
        """A text, possibly empty."""
        value = self._value(name, "give it as text")
        return value if isinstance(value, str) else self._refuse(name, value, "give it as text")

    def whole(self, name: str) -> int:
        """A whole number."""
        right = "give it as a whole number (an OTLP int)"
        value = self._value(name, right)
        if isinstance(value, bool) or not isinstance(value, int):
            return self._refuse(name, value, right)
        return value

    def number(self, name: str) -> float:
        """A finite number; an OTLP int will do."""
        right = "give it as a finite number, or leave it out when it was not observed"
        value = self._value(name, right)
        if not _is_finite_number(value):
            return self._refuse(name, value, right)
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._value(name, "give it as a bool")
        return value if isinstance(value, bool) else self._refuse(name, value, "give it as a bool")

    def instant(self, name: str) -> datetime:
        """A moment, in UTC."""
        right = "give it as ISO-8601 text with an offset, like 2026-05-04T03:02:01+00:00"
        value = self._value(name, right)
        if not isinstance(value, str):
            return self._refuse(name, value, right)
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else self._refuse(name, value, right)
        except (ValueError, OverflowError) as error:
            raise self._error(name, value, right) from error

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        right = "give it as an array of finite numbers"
        value = self._value(name, right)
        if not isinstance(value, tuple) or not all(map(_is_finite_number, value)):
            return self._refuse(name, value, right)
        return tuple(float(item) for item in value if isinstance(item, (int, float)))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; absent is empty, as OTLP senders may leave empty arrays out."""
        right = "give it as an array of texts"
        value = self.attributes.get(name, ())
        if not isinstance(value, tuple):
            return self._refuse(name, value, right)
        return tuple(
            item if isinstance(item, str) else self._refuse(name, item, right) for item in value
        )

    def choice(self, kind: type[_E], name: str) -> _E:
        """One word of an enumeration."""
        right = f"give one of {', '.join(member.value for member in kind)}"
        value = self._value(name, right)
        try:
            return kind(str(value))
        except ValueError as error:
            raise self._error(name, value, right) from error

    def nested(self, name: str) -> AttributeReader:
        """A key-value list within, read by the same rules."""
        right = "give it as a key-value list"
        value = self._value(name, right)
        if not isinstance(value, dict):
            return self._refuse(name, value, right)
        return AttributeReader(f"{self.event} {name}", value)

    def nested_list(self, name: str) -> tuple[AttributeReader, ...]:
        """An array of key-value lists; absent is empty."""
        value = self.attributes.get(name, ())
        if not isinstance(value, tuple):
            return self._refuse(name, value, "give it as an array of key-value lists")
        items = {f"{name}[{i}]": item for i, item in enumerate(value)}
        return tuple(AttributeReader(self.event, items).nested(key) for key in items)

    def only(self, known: Iterable[str]) -> None:
        """Refuse fields that are not of the contract.

        Names with a dot are let pass: by OpenTelemetry's naming they are namespaced attributes
        that collectors on the way add.
        """
        names = tuple(known)
        for name, value in self.attributes.items():
            if name not in names and "." not in name:
                near = get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "update whoever reads, or drop it"
                raise self._error(name, value, f"no such field is known: {hint}")

    def _value(self, name: str, right: str) -> AttributeValue:
        try:
            return self.attributes[name]
        except KeyError as error:
            raise EventError(f"asked for {name} of {self.event}", "it is absent", right) from error

    def _refuse(self, name: str, value: AttributeValue, right: str) -> NoReturn:
        raise self._error(name, value, right)

    def _error(self, name: str, value: AttributeValue, right: str) -> EventError:
        return EventError(f"asked for {name} of {self.event}", f"it is {_shown(value)}", right)


def collect(pairs: Iterable[tuple[str, AttributeValue | None]]) -> Attributes:
    """Make attributes of pairs; a value of None is left out.

    Raises:
        EventError: a key occurs twice.
    """
    attributes: Attributes = {}
    for name, value in pairs:
        if name in attributes:
            raise EventError(
                "asked to read attributes", f"{name!r} occurs twice", "give every key once"
            )
        if value is not None:
            attributes[name] = value
    return attributes


def _is_finite_number(value: AttributeValue) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: AttributeValue) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
