"""JSON read strictly: every key is known, there once, and of its type."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from components.releases.errors import EntryError

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar = str | int | float | bool | None


class Fields:
    """The keys of one JSON object, each taken once; `close` refuses what is left over.

    Every method raises EntryError when its key is missing or of another type.
    """

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise _bad(where, f"it is {_kind(value)}", "write a JSON object")
        self._left: dict[str, object] = dict(value)
        self._where = where

    def has(self, key: str) -> bool:
        """Whether a key is there that need not be."""
        return key in self._left

    def any(self, key: str) -> object:
        """Take a value of any type."""
        if key not in self._left:
            raise _bad(self._where, f"the key {key!r} is missing", f"add {key!r}")
        return self._left.pop(key)

    def text(self, key: str) -> str:
        """Take a text that is not blank."""
        value = self.any(key)
        if not isinstance(value, str) or not value.strip():
            self._refuse(key, value, "a text")
        return value

    def boolean(self, key: str) -> bool:
        """Take true or false."""
        value = self.any(key)
        if not isinstance(value, bool):
            self._refuse(key, value, "true or false")
        return value

    def integer(self, key: str) -> int:
        """Take a whole number."""
        value = self.any(key)
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(key, value, "a whole number")
        return value

    def optional_integer(self, key: str) -> int | None:
        """Take a whole number or null."""
        return None if self._is_null(key) else self.integer(key)

    def optional_number(self, key: str) -> float | None:
        """Take a finite number or null."""
        value = self.any(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            self._refuse(key, value, "a number")
        return float(value)

    def time(self, key: str) -> datetime:
        """Take a time with its offset, as UTC."""
        text = self.text(key)
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            self._refuse(key, text, "a time like 2024-05-01T12:00:00+00:00")
        if time.tzinfo is None:
            self._refuse(key, text, "a time with its offset from UTC")
        return time.astimezone(UTC)

    def optional_time(self, key: str) -> datetime | None:
        """Take a time or null."""
        return None if self._is_null(key) else self.time(key)

    def items(self, key: str) -> tuple[object, ...]:
        """Take a list."""
        value = self.any(key)
        if not isinstance(value, list):
            self._refuse(key, value, "a list")
        return tuple(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts."""
        values = self.items(key)
        if not all(isinstance(value, str) for value in values):
            self._refuse(key, values, "a list of texts")
        return tuple(str(value) for value in values)

    def scalars(self, key: str) -> dict[str, Scalar]:
        """Take an object whose values are texts, numbers, booleans or null."""
        value = self.any(key)
        if not isinstance(value, dict):
            self._refuse(key, value, "an object")
        scalars: dict[str, Scalar] = {}
        for name, item in value.items():
            if item is not None and not isinstance(item, str | int | float):
                self._refuse(f"{key}.{name}", item, "a text, a number, true, false or null")
            scalars[str(name)] = item
        return scalars

    def close(self) -> None:
        """Refuse keys that nobody took."""
        if self._left:
            unknown = ", ".join(repr(key) for key in sorted(self._left))
            raise _bad(
                self._where, f"unknown keys: {unknown}", "remove them, or update this joulepilot"
            )

    def _is_null(self, key: str) -> bool:
        if key in self._left and self._left[key] is None:
            del self._left[key]
            return True
        return False

    def _refuse(self, key: str, value: object, wanted: str) -> NoReturn:
        raise _bad(self._where, f"{key!r} is {_shown(value)}", f"give {wanted}")


def parse(text: str | bytes, where: str) -> object:
    """Read JSON; a key given twice, NaN and infinity are refused.

    Raises:
        EntryError: the text is no such JSON.
    """
    try:
        value: object = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise _bad(where, f"it is no JSON: {error}", "restore it from a copy") from error
    return value


def dump(value: Mapping[str, object]) -> str:
    """Write JSON for people: indented, keys in order, ending with a newline."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def canonical(value: object) -> bytes:
    """Write JSON for digests: no spaces, keys in order, UTF-8."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _bad(where: str, found: str, remedy: str) -> EntryError:
    return EntryError(f"read {where}", found, remedy)


def _kind(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
