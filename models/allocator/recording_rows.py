"""`NAME.csv` of a recorded sweep: one row a measurement, an allocation as often as one likes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs import values
from components.jobs.candidate import Candidate
from components.node.placement import Layout
from models.allocator.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLUMNS = ("n_cpus", "layout", "latency_mean_ms", "power_w")
"""What every recorded sweep has; further columns are welcome and not looked at."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row: what one window of one allocation showed."""

    candidate: Candidate
    latency_ms: float
    """Of an image or a batch, as the sidecar says."""
    power_w: float
    """Of the whole node."""


def read_rows(path: Path, n_logical: int) -> tuple[Measurement, ...]:
    """Read and check every row; the first row below the header is row 1.

    Args:
        path: the CSV.
        n_logical: logical CPUs of the node; no row may have more.

    Raises:
        RecordingError: the file or a row is damaged; the row is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except OSError as error:
        raise _refusal(path, f"it cannot be read: {error}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise _refusal(path, f"it is no CSV in UTF-8: {error}") from error
    if not lines:
        raise _refusal(path, "it is empty")
    header = lines[0][1]
    _check_header(path, header)
    rows = [(number, line, cells) for number, (line, cells) in enumerate(lines[1:], 1) if cells]
    if not rows:
        raise _refusal(path, "it has a header and no row")
    return tuple(
        _measurement(f"{path}, row {number} (line {line})", header, cells, n_logical)
        for number, line, cells in rows
    )


def _check_header(path: Path, header: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise _refusal(path, f"its header lacks {', '.join(missing)}")
    doubled = [name for name in COLUMNS if header.count(name) > 1]
    if doubled:
        raise _refusal(path, f"its header names {doubled[0]} twice")


def _measurement(
    where: str, header: Sequence[str], cells: Sequence[str], n_logical: int
) -> Measurement:
    if len(cells) != len(header):
        raise _refusal(where, f"it has {len(cells)} cells, the header {len(header)}")
    row = dict(zip(header, cells, strict=True))
    name = ""
    try:
        name = "n_cpus"
        n_cpus = _whole(row[name], n_logical)
        name = "layout"
        layout = _layout(row[name])
        name = "latency_mean_ms"
        latency_ms = values.positive(row[name])
        name = "power_w"
        power_w = values.positive(row[name])
    except ValueError as error:
        raise _refusal(where, f"{name} is {row[name]!r}: {error}") from error
    return Measurement(Candidate(n_cpus, layout), latency_ms, power_w)


def _whole(text: str, most: int) -> int:
    value = values.positive(text)
    if value != int(value):
        raise ValueError("it is no whole number")
    if value > most:
        raise ValueError(f"the sidecar says that the node has {most} logical CPUs")
    return int(value)


def _layout(text: str) -> Layout:
    if text not in list(Layout):
        near = values.nearest(text, Layout)
        raise ValueError(f"it is none of {', '.join(Layout)}; the nearest is {near!r}")
    return Layout(text)


def _refusal(where: object, found: str) -> RecordingError:
    return RecordingError(
        f"asked for the recording {where}",
        found,
        "measure it again, mend it, or take the recording out of the folder",
    )
