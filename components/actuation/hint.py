"""A hint to a running server: which of the devices and versions it holds it shall use.

`docker update` cannot give a container another device, so the switch happens inside: a directory
is bind-mounted into the container and a file in it replaced by a rename, which the server sees
(a bind-mounted *file* would never show it). What the hint says has happened only when the server
says so itself.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from components.actuation.errors import HintError
from components.durable_file import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

HINT_FILE = "hint.json"
MAX_HINT_BYTES = 4096
_READABLE = 0o644  # the server is another user than we are


@dataclass(frozen=True, slots=True)
class Hint:
    """What a server is asked for."""

    device: str
    """To use from now on."""
    probe: str | None = None
    """A device to run one batch on beside the requests, once for each `probe_id`."""
    probe_id: str | None = None
    variant: str | None = None
    """Version of the network to use from now on; None: the one it began with."""


_WORDS = {field.name for field in fields(Hint)}


def encode_hint(hint: Hint) -> str:
    """Write a hint as text."""
    said = {key: value for key, value in asdict(hint).items() if value is not None}
    return json.dumps(said) + "\n"


def decode_hint(text: str) -> Hint:
    """Read a hint.

    Raises:
        HintError: it is no hint.
    """
    try:
        said = json.loads(text)
        if isinstance(said, dict) and {"device"} <= set(said) <= _WORDS:
            values = {key: value for key, value in said.items() if isinstance(value, str)}
            if len(values) == len(said):
                return Hint(**values)
    except ValueError as error:
        raise _not_a_hint(text) from error
    raise _not_a_hint(text)


def read_hint_text(folder: Path) -> str:
    """What stands in a hint directory, literally; "" when nothing does.

    Raises:
        HintError: it cannot be read.
    """
    try:
        with (folder / HINT_FILE).open("rb") as file:
            return file.read(MAX_HINT_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise HintError(
            f"asked for the hint in {folder}", f"it cannot be read: {error}", "mend the folder"
        ) from error


def write_hint_text(folder: Path, text: str) -> None:
    """Replace what stands in a hint directory, whole or not at all, and read it back.

    Args:
        folder: must be there: it is what is mounted.
        text: as `encode_hint` writes it; "" removes the hint.

    Raises:
        HintError: it could not be written, or something else stands there after.
    """
    draft = folder / f".{HINT_FILE}.{secrets.token_hex(4)}"
    try:
        if text:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _READABLE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), _READABLE)  # whatever the umask says
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(folder / HINT_FILE)
        else:
            (folder / HINT_FILE).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise HintError(
            f"asked to write a hint into {folder}",
            str(error),
            "make the directory that joulepilot.hint-dir names, mount it into the container, "
            "and let the executor write there",
        ) from error
    found = read_hint_text(folder)
    if found != text:
        raise HintError(
            f"asked to write a hint into {folder}",
            f"what stands there is {found!r}",
            "let nobody else write hints there",
        )


def _not_a_hint(text: str) -> HintError:
    return HintError(
        f"asked for the hint {text[:80]!r}",
        "it is not built as a hint",
        'write it like {"device": "cpu"}',
    )
