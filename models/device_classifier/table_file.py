"""Device tables as files: `NAME.csv` and its sidecar `NAME.json`."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.errors import DeviceTableError
from models.device_classifier.table import COLUMNS, DeviceTable, FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

N_FOLDS = 5
IDENTITY = ("row", "network", "group", "fold")
KNOWN_FACTS = ("devices", "objectives", "features")


def read_table(path: Path) -> DeviceTable:
    """Read and check a table; nothing is guessed and nothing is dropped.

    An empty cell is "not measured" (of a device) or "not known" (of a feature). Columns of
    objectives that the sidecar leaves out are checked too.

    Raises:
        DeviceTableError: a file is missing or damaged; the message names row and column.
    """
    facts = _facts(path.with_suffix(".json"))
    devices = _devices(facts)
    records = _records(path)
    columns = tuple(records[0])
    objectives = _objectives(facts, columns, devices)
    features = _features(facts, columns)
    rows = _identifiers(records)
    checked = {
        objective: _measured(records, rows, quantity, tuple(devices))
        for objective, quantity in COLUMNS.items()
    }
    return DeviceTable(
        name=path.stem,
        rows=np.array(rows, dtype=np.str_),
        groups=np.array([r["group"] or r["network"] for r in records], dtype=np.str_),
        folds=_folds(records, rows),
        feature_names=features,
        features=_matrix(records, rows, features),
        devices=tuple(devices),
        kinds=tuple(devices.values()),
        measured={objective: checked[objective] for objective in objectives},
        facts={key: value for key, value in facts.items() if key not in KNOWN_FACTS},
    )


def _facts(path: Path) -> Mapping[str, object]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _bad(path.name, "the sidecar is not there", "write it beside the table") from error
    except (ValueError, OSError) as error:
        raise _bad(path.name, f"the sidecar cannot be read: {error}", "write valid JSON") from error
    if not isinstance(facts, dict):
        raise _bad(path.name, "the sidecar is no JSON object", "name devices, objectives, features")
    return facts


def _devices(facts: Mapping[str, object]) -> dict[str, str]:
    devices = facts.get("devices")
    if not isinstance(devices, dict) or not devices:
        raise _bad("devices", f"the sidecar says {devices!r}", 'give {"name": "cpu", …}')
    return {str(name): str(kind) for name, kind in devices.items()}


def _objectives(
    facts: Mapping[str, object], columns: Sequence[str], devices: Mapping[str, str]
) -> tuple[str, ...]:
    asked = facts.get("objectives")
    if not isinstance(asked, list) or not asked or not all(name in COLUMNS for name in asked):
        raise _bad("objectives", f"the sidecar says {asked!r}", f"give some of {list(COLUMNS)}")
    for objective in asked:
        if not any(f"{COLUMNS[objective]}__{device}" in columns for device in devices):
            raise _bad(
                f"the objective {objective}",
                f"no device has a column {COLUMNS[objective]}__…",
                "add the columns, or take the objective out of the sidecar",
            )
    return tuple(dict.fromkeys(asked))


def _features(facts: Mapping[str, object], columns: Sequence[str]) -> tuple[str, ...]:
    named = facts.get("features")
    if named is None:
        measured = tuple(f"{quantity}__" for quantity in COLUMNS.values())
        return tuple(c for c in columns if c not in IDENTITY and not c.startswith(measured))
    if not isinstance(named, list | dict):
        raise _bad("features", f"the sidecar says {named!r}", "give a list of columns")
    missing = [name for name in named if name not in columns]
    if missing:
        raise _bad(f"the features {missing}", "the table has no such columns", "add or unname them")
    return tuple(dict.fromkeys(str(name) for name in named))


def _records(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _bad(str(path), f"the table cannot be read: {error}", "give a CSV file") from error
    columns = [name.strip() for name in lines[0]] if lines else []
    missing = [name for name in IDENTITY if name not in columns]
    if missing or len(set(columns)) != len(columns) or len(lines) == 1:
        found = f"columns {missing} are missing" if missing else "rows are none, or columns double"
        raise _bad(path.name, found, "see the header of a table that ships with joulepilot")
    for line in lines[1:]:
        if len(line) != len(columns):
            raise _bad(
                f"row {line[0]!r}",
                f"has {len(line)} cells for {len(columns)} columns",
                "write the table again; it may be cut off",
            )
    return [dict(zip(columns, (cell.strip() for cell in line), strict=True)) for line in lines[1:]]


def _identifiers(records: Sequence[Mapping[str, str]]) -> list[str]:
    rows = [record["row"] for record in records]
    if len(set(rows)) != len(rows):
        twice = next(row for row in rows if rows.count(row) > 1)
        raise _bad(f"row {twice!r}", "is there more than once", "give every row its own name")
    return rows


def _folds(records: Sequence[Mapping[str, str]], rows: Sequence[str]) -> IntArray:
    values = _matrix(records, rows, ("fold",))[:, 0]
    for row, value in zip(rows, values, strict=True):
        if value not in range(N_FOLDS):
            raise _bad(f"row {row!r}", f"its fold is {value:g}", f"give 0 to {N_FOLDS - 1}")
    if len(set(values)) < 2:
        raise _bad("folds", "all rows are in one", "deal the groups over several")
    return values.astype(np.int64)


def _measured(
    records: Sequence[Mapping[str, str]],
    rows: Sequence[str],
    quantity: str,
    devices: Sequence[str],
) -> FloatArray:
    columns = tuple(f"{quantity}__{device}" for device in devices)
    values = _matrix(records, rows, columns)
    for i, j in np.argwhere(values <= 0)[:1]:
        raise _bad(
            f"row {rows[i]!r}, {columns[j]}",
            f"says {values[i, j]:g}",
            "measurements are above 0; leave the cell empty where there is none",
        )
    return values


def _matrix(
    records: Sequence[Mapping[str, str]], rows: Sequence[str], columns: Sequence[str]
) -> FloatArray:
    """Numbers of some columns [N, len(columns)]; empty cells and missing columns are NaN."""
    values = np.full((len(records), len(columns)), np.nan)
    for i, record in enumerate(records):
        for j, column in enumerate(columns):
            cell = record.get(column, "")
            if cell:
                values[i, j] = _number(cell, rows[i], column)
    return values


def _number(cell: str, row: str, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise _bad(
            f"row {row!r}, {column}",
            f"{cell!r} is no finite number",
            "correct it, or leave the cell empty where nothing was measured",
        )
    return value


def _bad(asked: str, found: str, remedy: str) -> DeviceTableError:
    return DeviceTableError(f"device table: {asked}", found, remedy)
