"""What nodes are told beside their policy: to pause, to resume, to sweep."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from components.releases.desired import ALL_NODES
from components.releases.entry import Kind, Release
from components.releases.errors import RefusedError
from components.releases.log import Draft, ReleaseLog
from components.releases.outcome import Outcome, appended, in_force, unchanged, utc
from components.releases.source import RELEASES
from components.releases.sweep import SweepRequest

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

SWEEP_LASTS = timedelta(hours=1)


def pause(
    home: Path,
    *,
    who: str,
    why: str,
    nodes: tuple[str, ...] = ALL_NODES,
    when: datetime | None = None,
) -> Outcome:
    """Have nodes hold what is in force and change nothing.

    Raises:
        RefusedError: there is no release yet.
        EntryError: the selection of nodes names none.
        ConflictError: someone else appended an entry meanwhile.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    log = ReleaseLog(home / RELEASES)
    latest = in_force(log.entries(), "pause")
    paused = latest.desired.paused_nodes
    if paused == ALL_NODES or set(nodes) <= set(paused):
        return unchanged(latest, f"{_names(nodes)} paused already")
    merged = ALL_NODES if nodes == ALL_NODES else (*paused, *(n for n in nodes if n not in paused))
    return appended(log, _same(latest, Kind.PAUSE, who, why, when, paused=merged))


def resume(
    home: Path,
    *,
    who: str,
    why: str,
    nodes: tuple[str, ...] = ALL_NODES,
    when: datetime | None = None,
) -> Outcome:
    """Take back pauses: all of them, or those that were asked for with these patterns.

    Raises:
        RefusedError: there is no release yet, or a node is paused by a wider pattern.
        ConflictError: someone else appended an entry meanwhile.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    log = ReleaseLog(home / RELEASES)
    latest = in_force(log.entries(), "resume")
    paused = latest.desired.paused_nodes
    if not paused:
        return unchanged(latest, "nothing is paused")
    left = () if nodes == ALL_NODES else tuple(name for name in paused if name not in nodes)
    if left == paused:
        raise RefusedError(
            f"resume {_names(nodes)}",
            f"the pause in force is for {_names(paused)}",
            "resume exactly those, or all",
        )
    return appended(log, _same(latest, Kind.RESUME, who, why, when, paused=left))


def request_sweep(
    home: Path,
    *,
    who: str,
    why: str,
    n_windows: int,
    n_points: int | None = None,
    window_s: float | None = None,
    nodes: tuple[str, ...] = ALL_NODES,
    lasts: timedelta = SWEEP_LASTS,
    when: datetime | None = None,
) -> Outcome:
    """Ask nodes to try allocations on purpose, once; what they shall run stays as it is.

    Args:
        home: of the release log.
        who: asks for it.
        why: it is asked for.
        n_windows: windows measured at each point.
        n_points: joint allocations to try at most; None: all.
        window_s: seconds a window lasts; None: the node's own setting.
        nodes: shell patterns of their names.
        lasts: how long from now a node may still begin with it.
        when: UTC; now by default.

    Raises:
        RefusedError: there is no release yet, or nodes are paused.
        EntryError: a number is not above 0, or the selection of nodes names none.
        ConflictError: someone else appended an entry meanwhile.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    log = ReleaseLog(home / RELEASES)
    latest = in_force(log.entries(), "ask for a sweep")
    asked_at = utc(when)
    sweep = SweepRequest(
        nodes=nodes,
        n_windows=n_windows,
        n_points=n_points,
        window_s=window_s,
        not_after=asked_at + lasts,
    )
    if latest.desired.paused_nodes == ALL_NODES:
        raise RefusedError("ask for a sweep", "all nodes are paused", "resume them first")
    return appended(log, _same(latest, Kind.SWEEP, who, why, asked_at, sweep=sweep))


def _same(
    latest: Release,
    kind: Kind,
    who: str,
    why: str,
    when: datetime | None,
    *,
    paused: tuple[str, ...] | None = None,
    sweep: SweepRequest | None = None,
) -> Draft:
    """An entry after the latest that changes nothing else."""
    desired = latest.desired
    return Draft(
        after=latest.sequence,
        kind=kind,
        desired=desired if paused is None else replace(desired, paused_nodes=paused),
        who=who,
        when=utc(when),
        why=why,
        sweep=sweep,
        expires_at=latest.expires_at,
    )


def _names(nodes: tuple[str, ...]) -> str:
    return "all nodes" if nodes == ALL_NODES else ", ".join(nodes)
