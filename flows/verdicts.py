"""Verdicts of the gate, kept by bundle digest, so that a promotion by hand needs no new one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.releases.verdict import Verdict
from flows.errors import NotJudgedError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "verdicts"


def keep_verdict(home: Path, verdict: Verdict) -> None:
    """Write down a verdict; a later one on the same bundle takes its place."""
    replace_file(_path(home, verdict.digest), json.dumps(verdict.to_dict(), indent=1) + "\n")


def kept_verdict(home: Path, digest: str) -> Verdict:
    """Read the verdict on a bundle.

    Raises:
        NotJudgedError: there is none.
        EntryError: the file is damaged.
    """
    path = _path(home, digest)
    try:
        content: object = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise NotJudgedError(
            f"asked for the gate's verdict on bundle {digest[:12]}",
            f"{path} cannot be read: {error}",
            "have it judged: joulepilot retrain trains and judges a new one",
        ) from error
    return Verdict.from_object(content, str(path))


def _path(home: Path, digest: str) -> Path:
    return home / FOLDER / f"{digest}.json"
