"""Causes of a retraining, and how often each may ask for one."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from components.durable_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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


def ask(home: Path, causes: Sequence[Cause], now: datetime, emit: Emit) -> tuple[Cause, ...]:
    """Ask for one retraining that names every cause that may ask now.

    Args:
        home: where it is remembered which cause asked when.
        causes: that hold now.
        now: UTC.
        emit: sends the event; gets the text for the run.

    Returns:
        The causes that were sent; the others asked a short while ago.
    """
    past = _load(home / MEMORY)
    if not causes or any(now - when < AT_MOST_EVERY for when in past.values()):
        return ()
    due = tuple(
        c
        for c in causes
        if now - past.get(c.key, datetime.min.replace(tzinfo=now.tzinfo)) >= SAME_CAUSE_EVERY
    )
    if not due:
        return ()
    emit("; ".join(cause.text for cause in due))
    recent = {key: when for key, when in past.items() if now - when < SAME_CAUSE_EVERY}
    kept = recent | {cause.key: now for cause in due}
    content = {key: when.isoformat() for key, when in kept.items()}
    replace_file(home / MEMORY, json.dumps(content) + "\n")
    return due


def _load(file: Path) -> dict[str, datetime]:
    try:
        content = json.loads(file.read_text())
        return {str(key): datetime.fromisoformat(when) for key, when in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be read, so causes may ask again: %s", file, error)
        return {}
