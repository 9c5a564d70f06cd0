"""Causes of a retraining, and how often each may ask for one."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from components.durable_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Emit = Callable[[str], None]

logger = logging.getLogger(__name__)
MEMORY = "retrain-causes.json"
AT_MOST_EVERY = timedelta(hours=1)
"""Of all causes together: trouble on fifty nodes at once is one retraining."""
SAME_CAUSE_EVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a retraining is wanted."""

    key: str
    """The same for the same cause: it asks once in `SAME_CAUSE_EVERY`."""
    text: str
    """Shown on the run."""


@dataclass(frozen=True, slots=True)
class _Memory:
    asked: Mapping[str, datetime]
    """When a cause asked, by its key."""
    waiting: Mapping[str, str]
    """Texts of causes that came too soon after another, by their keys."""


def ask(home: Path, causes: Sequence[Cause], now: datetime, emit: Emit) -> tuple[Cause, ...]:
    """Ask for one retraining that names every cause that may ask now.

    Args:
        home: where it is remembered which cause asked when, and which have to wait.
        causes: that came up now; a change is told once, so one that has to wait is kept.
        now: UTC.
        emit: sends the event; gets the text for the run.

    Returns:
        The causes that were sent; others asked a short while ago, or wait.
    """
    past = _load(home / MEMORY)
    recent = {key: at for key, at in past.asked.items() if now - at < SAME_CAUSE_EVERY}
    new = {cause.key: cause.text for cause in causes if cause.key not in recent}
    wanted = {**past.waiting, **new}
    if any(now - at < AT_MOST_EVERY for at in recent.values()):
        if wanted != past.waiting:
            _save(home / MEMORY, _Memory(recent, wanted))
        return ()
    if not wanted:
        return ()
    emit("; ".join(wanted.values()))
    _save(home / MEMORY, _Memory({**recent, **dict.fromkeys(wanted, now)}, {}))
    return tuple(Cause(key, text) for key, text in wanted.items())


def _save(file: Path, memory: _Memory) -> None:
    asked = {key: at.isoformat() for key, at in memory.asked.items()}
    replace_file(file, json.dumps({"asked": asked, "waiting": dict(memory.waiting)}) + "\n")


def _load(file: Path) -> _Memory:
    try:
        content = json.loads(file.read_text())
        return _Memory(
            {str(key): datetime.fromisoformat(at) for key, at in content["asked"].items()},
            {str(key): str(text) for key, text in content["waiting"].items()},
        )
    except FileNotFoundError:
        return _Memory({}, {})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("%s cannot be read, so causes may ask again: %s", file, error)
        return _Memory({}, {})
