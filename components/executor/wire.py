"""How the command line and the executor talk: one line of JSON each way."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from components.executor.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.errors import JoulepilotError

Plain = Any
"""What JSON can say."""
MAX_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Command:
    """A verb and its arguments."""

    verb: str
    arguments: Mapping[str, Plain]

    def text(self, key: str) -> str:
        """An argument that has to be a text.

        Raises:
            CommandError: it is missing or something else.
        """
        value = self.arguments.get(key)
        if not isinstance(value, str) or not value:
            raise self._bad(key, value, "a text")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, or None where it was not given."""
        return None if self.arguments.get(key) is None else self.text(key)

    def optional_count(self, key: str) -> int | None:
        """A whole number above 0, or None where it was not given.

        Raises:
            CommandError: it is something else.
        """
        value = self.arguments.get(key)
        if value is not None and (type(value) is not int or value < 1):
            raise self._bad(key, value, "a whole number above 0")
        return value

    def optional_seconds(self, key: str) -> float | None:
        """Seconds above 0, or None where they were not given.

        Raises:
            CommandError: it is something else.
        """
        value = self.arguments.get(key)
        if value is None:
            return None
        if type(value) not in {int, float} or not 0 < value < float("inf"):
            raise self._bad(key, value, "a number of seconds above 0")
        return float(value)

    def flag(self, key: str) -> bool:
        """Whether an argument is true; not given is false."""
        return self.arguments.get(key) is True

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; not given is none.

        Raises:
            CommandError: it is something else.
        """
        value = self.arguments.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._bad(key, value, "a list of texts")
        return tuple(value)

    def _bad(self, key: str, value: Plain, wanted: str) -> CommandError:
        return CommandError(
            f"asked to {self.verb} with {key} = {value!r}", f"it has to be {wanted}", "mend that"
        )


def encode_command(command: Command) -> bytes:
    """Write a command as a line."""
    return _line({"verb": command.verb, "arguments": dict(command.arguments)})


def decode_command(line: bytes) -> Command:
    """Read a command.

    Raises:
        CommandError: the line is no command.
    """
    try:
        content = json.loads(line)
        return Command(str(content["verb"]), dict(content.get("arguments") or {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            "sent a command", f"it is not understood: {error!r}", "use joulepilot-node"
        ) from error


def encode_answer(result: Plain) -> bytes:
    """Write what came of a command."""
    return _line({"ok": True, "result": result})


def encode_error(error: JoulepilotError) -> bytes:
    """Write why a command was not done."""
    said = {"asked": error.asked, "found": error.found, "remedy": error.remedy}
    return _line({"ok": False, "error": said})


def decode_answer(line: bytes) -> Plain:
    """Read what came of a command.

    Raises:
        CommandError: it was not done, and why.
    """
    content = json.loads(line)
    if content.get("ok") is True:
        return content["result"]
    error = content["error"]
    raise CommandError(str(error["asked"]), str(error["found"]), str(error["remedy"]))


def plain(value: object) -> Plain:
    """Lay out dataclasses, times and tuples as JSON can say them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value


def _line(content: Plain) -> bytes:
    return json.dumps(content).encode() + b"\n"
