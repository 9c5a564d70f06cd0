"""Recordings kept in a home: sweeps measured elsewhere, checked once, learned from every night.

HOME/recordings/
├── resnet.csv    as it was given
└── resnet.json   its sidecar
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from models.allocator.errors import RecordingError
from models.allocator.recordings import read_recording, read_recordings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.allocator.recordings import Recording

FOLDER = "recordings"


def import_recordings(source: Path, home: Path) -> tuple[Recording, ...]:
    """Check one recording, or all of a folder, and keep copies; none where one is damaged.

    Raises:
        RecordingError: a file or a row is damaged (it is named), or a kept recording has the
            same name and says something else.
    """
    tables = [source] if source.is_file() else _tables(source)
    for table in tables:
        _refuse_another(table, home)
    kept = [_keep(table, home) for table in tables]
    return tuple(read_recording(table, table.stem) for table in kept)


def kept_recordings(home: Path) -> tuple[Recording, ...]:
    """All that are kept, by name.

    Raises:
        RecordingError: one was damaged since.
    """
    return tuple(
        read_recording(table, table.stem) for table in sorted((home / FOLDER).glob("*.csv"))
    )


def kept_recording(name: str, home: Path) -> Recording:
    """One of them.

    Raises:
        RecordingError: there is none of that name, or it was damaged since.
    """
    table = home / FOLDER / f"{name}.csv"
    known = sorted(path.stem for path in (home / FOLDER).glob("*.csv"))
    if name not in known:
        raise RecordingError(
            f"asked for the recording {name!r}",
            f"kept are {', '.join(known) or 'none'}",
            "name one of these, or import it: joulepilot recordings import FILE.csv",
        )
    return read_recording(table, name)


def _tables(folder: Path) -> Sequence[Path]:
    """CSVs of a folder, every one of them read and found whole."""
    read_recordings(folder)
    return sorted(folder.glob("*.csv")) or sorted(folder.glob("**/*.csv"))


def _refuse_another(table: Path, home: Path) -> None:
    read_recording(table, table.stem)
    there = home / FOLDER / table.name
    if there.exists() and there.read_bytes() != table.read_bytes():
        raise RecordingError(
            f"asked to keep the recording {table}",
            f"{there} has the same name and says something else",
            "give it another name, or remove the one that is kept",
        )


def _keep(table: Path, home: Path) -> Path:
    """Copy sidecar and table, each put in place whole; the table last, for it is what is found."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for source in (table.with_suffix(".json"), table):
        draft = folder / f".{source.name}.new"
        shutil.copyfile(source, draft)
        draft.replace(folder / source.name)
    return folder / table.name
