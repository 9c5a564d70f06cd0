"""Predictions as a file: `row,objective,device,p`."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING

from models.device_classifier.errors import DeviceTableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.device_classifier.evaluation import Prediction


def check_writable(path: Path) -> None:
    """Find out before minutes of learning whether the file can be written.

    Raises:
        DeviceTableError: its folder is missing, or it is a folder itself.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise _cannot(path, "it is a folder" if path.is_dir() else "its folder is not there")


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write all or nothing: a reader never sees half a file.

    Raises:
        DeviceTableError: the file cannot be written there.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "objective", "device", "p"))
    writer.writerows((p.row, p.objective, p.device, f"{p.p:.6f}") for p in predictions)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text.getvalue(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _cannot(path, str(error.strerror)) from error


def _cannot(path: Path, found: str) -> DeviceTableError:
    return DeviceTableError(
        f"asked to write predictions to {path}",
        found,
        "name a file in a folder that is there and may be written to",
    )
