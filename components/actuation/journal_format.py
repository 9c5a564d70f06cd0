"""The journal as text: a first line, then one line an original, each with its own checksum."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = 1
_HEADER = "joulepilot-journal"
_CHECKSUM_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Original:
    """What a container was set to before we changed it."""

    container_id: str
    name: str
    configured: str
    """As `Host.configured_cpus` returned it."""


@dataclass(frozen=True, slots=True)
class JournalText:
    """What could be read of a journal."""

    originals: tuple[Original, ...]
    problem: str | None
    """What is wrong with it; None when it is whole."""


def encode(originals: Iterable[Original]) -> str:
    """Write originals as text."""
    kept = list(originals)
    lines = [_sealed([_HEADER, VERSION, len(kept)])]
    lines.extend(_sealed([o.container_id, o.name, o.configured]) for o in kept)
    return "".join(f"{line}\n" for line in lines)


def decode(data: bytes) -> JournalText:
    """Read text back; of a damaged one the originals whose lines are whole.

    Of another version nothing is read: what it means is not known here.
    """
    # not splitlines(): damage can turn an end of line into another character it splits at
    header, *rest = data.decode(errors="replace").removesuffix("\n").split("\n")
    match _opened(header):
        case [str(word), int(version), int(_)] if word == _HEADER and version != VERSION:
            return JournalText((), f"it is of version {version}, this program knows {VERSION}")
        case [str(word), int(_), int(n)] if word == _HEADER:
            n_written: int | None = n
        case _:
            n_written = None
    rows = [_opened(line) for line in rest]
    originals = tuple(Original(*row) for row in rows if isinstance(row, list) and _is_original(row))
    if len(originals) == len(rows) == n_written:
        return JournalText(originals, None)
    written = "an unknown number" if n_written is None else n_written
    return JournalText(originals, f"{len(originals)} of {written} entries are whole")


def _sealed(row: list[str | int]) -> str:
    text = json.dumps(row)
    return f"{_checksum(text)} {text}"


def _opened(line: str) -> Any:
    """The row of a line, or None when the line is not as it was written."""
    checksum, _, text = line.partition(" ")
    return json.loads(text) if checksum == _checksum(text) else None


def _is_original(row: list[Any]) -> bool:
    return len(row) == 3 and all(isinstance(word, str) for word in row)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_CHECKSUM_DIGITS]
