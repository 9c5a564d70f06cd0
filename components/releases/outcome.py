"""What an operation on the release log came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.releases.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.releases.entry import Release
    from components.releases.log import Draft, ReleaseLog


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation came to."""

    release: Release
    """In force now."""
    is_new: bool
    """False: what was asked for was in force already, and no entry was written."""
    sentence: str


def appended(log: ReleaseLog, draft: Draft) -> Outcome:
    """Append a draft and say so.

    Raises:
        ConflictError: someone else appended an entry meanwhile.
        RefusedError: the draft may not follow what the log says.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    release = log.append(draft)
    return Outcome(release, True, f"entry {release.sequence}: {release.kind} by {release.who}")


def unchanged(latest: Release, why: str) -> Outcome:
    """Say that nothing had to be done."""
    return Outcome(latest, False, f"{why}; entry {latest.sequence} stays in force")


def in_force(entries: Sequence[Release], asked: str) -> Release:
    """The last entry.

    Raises:
        RefusedError: there is none yet.
    """
    if not entries:
        raise RefusedError(
            asked, "there is no release yet", "start `joulepilot up` once: it makes the first"
        )
    return entries[-1]


def utc(when: datetime | None) -> datetime:
    """Return the time given, or now."""
    return datetime.now(UTC) if when is None else when
