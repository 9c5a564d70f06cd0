"""A canary as the log tells it: which bundle is tried where, for how long, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from components.policy.manifest import CORE_ALLOCATOR
from components.releases.entry import BLOCKED, Kind
from components.releases.log import Draft, ReleaseLog
from components.releases.outcome import Outcome, appended, utc
from components.releases.source import RELEASES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from components.releases.entry import Release
    from components.releases.strict_json import Scalar

THEN = "then"
"""Evidence of an entry: the rings that come after this one if it won; none: a person decides."""
HOURS = "canary_hours"
"""Evidence of an entry: how long it may take."""
ENDED_AS, ENDED = "canary_ended_as", "canary"
TRIED = "canary_digest"
"""Evidence of the entry after a canary: how it ended, the entry that began it, and its bundle."""
DEFAULT_HOURS = 24.0


class End(StrEnum):
    """How a canary may end."""

    WON = "won"
    REGRESSED = "regressed"
    UNDECIDED = "undecided"
    """Every pair of blocks was used, and neither is better for sure."""
    EXPIRED = "expired"
    """Its time was over before there was enough to compare."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A challenger that takes turns with the champion on some nodes."""

    digest: str
    nodes: tuple[str, ...]
    """Shell patterns of their names."""
    started: Release
    """The entry that began it."""
    latest: Release
    """The entry in force; others than a change of rings may have come since."""

    @property
    def then(self) -> tuple[str, ...]:
        """The rings that come next by themselves when it won; none: a person decides."""
        return tuple(str(self.started.evidence.get(THEN, "")).split())

    @property
    def ends_at(self) -> datetime:
        """When it is over without a verdict."""
        hours = self.started.evidence.get(HOURS)
        if not isinstance(hours, (int, float)):
            hours = DEFAULT_HOURS
        return self.started.when + timedelta(hours=hours)

    @property
    def after(self) -> Mapping[str, Scalar]:
        """Evidence for the entry that follows it."""
        kept = {k: v for k, v in self.started.evidence.items() if k not in {THEN, ENDED, ENDED_AS}}
        return {**kept, ENDED: self.started.sequence, TRIED: self.digest}


def canary_in_force(entries: Sequence[Release], policy: str = CORE_ALLOCATOR) -> Canary | None:
    """The canary that the last entry asks for; None: all nodes shall run the same."""
    if not entries:
        return None
    latest = started = entries[-1]
    first, champion = latest.desired.rings[0], latest.desired.rings[-1]
    digest = first.policies.get(policy)
    if digest is None or digest == champion.policies.get(policy):
        return None
    for entry in reversed(entries):
        if entry.desired.rings != latest.desired.rings:
            break
        started = entry
    return Canary(digest, first.nodes, started, latest)


def end_canary(
    home: Path, canary: Canary, end: End, *, who: str, why: str, when: datetime | None = None
) -> Outcome:
    """Have all nodes run the champion alone; a challenger that regressed may not enter again.

    Raises:
        ConflictError: someone else appended an entry meanwhile.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    latest = canary.latest
    evidence = {**canary.after, ENDED_AS: end.value}
    if end is End.REGRESSED:
        evidence[BLOCKED] = canary.digest
    return appended(
        ReleaseLog(home / RELEASES),
        Draft(
            after=latest.sequence,
            kind=Kind.ROLLBACK,
            desired=replace(latest.desired, rings=latest.desired.rings[-1:]),
            who=who,
            when=utc(when),
            why=why,
            evidence=evidence,
        ),
    )
