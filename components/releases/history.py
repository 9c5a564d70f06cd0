"""What was in force when, who said so, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.releases.desired import ALL_NODES
from components.releases.entry import Kind, Release
from components.releases.log import ReleaseLog
from components.releases.source import RELEASES

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

SHORT = 12
"""Digits of a digest that people are shown."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One entry as a person reads it."""

    sequence: int
    kind: Kind
    when: datetime
    who: str
    what: str
    why: str


def history(home: Path) -> tuple[HistoryLine, ...]:
    """Tell every entry, oldest first.

    Raises:
        ReleaseLogError: the log is damaged.
    """
    return tuple(
        HistoryLine(entry.sequence, entry.kind, entry.when, entry.who, described(entry), entry.why)
        for entry in ReleaseLog(home / RELEASES).entries()
    )


def release_at(home: Path, time: datetime) -> Release | None:
    """The entry that was in force at a time (with its offset from UTC); None: there was none.

    Where clocks of writers disagree, the order of the entries decides.

    Raises:
        ReleaseLogError: the log is damaged.
    """
    before = [entry for entry in ReleaseLog(home / RELEASES).entries() if entry.when <= time]
    return before[-1] if before else None


def described(release: Release) -> str:
    """What an entry says, in words."""
    sweep = release.sweep
    if sweep is not None:
        points = "all points" if sweep.n_points is None else f"{sweep.n_points} points"
        return f"{points}, {sweep.n_windows} windows each, on {_nodes(sweep.nodes)}"
    if release.kind in {Kind.PAUSE, Kind.RESUME}:
        paused = release.desired.paused_nodes
        return f"paused: {_nodes(paused)}" if paused else "nothing is paused"
    rings = "; ".join(
        f"{', '.join(f'{name} {digest[:SHORT]}' for name, digest in sorted(ring.policies.items()))}"
        f" on {_nodes(ring.nodes)}"
        for ring in release.desired.rings
    )
    back = release.evidence.get("rolled_back_to")
    return rings if back is None else f"{rings} (as in entry {back})"


def _nodes(nodes: tuple[str, ...]) -> str:
    return "all nodes" if nodes == ALL_NODES else ", ".join(nodes)
