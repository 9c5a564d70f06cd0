"""The release log read backwards: all of it, or what a node was to run at a time, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from components.lake.schema import Table
from components.policy.manifest import CORE_ALLOCATOR
from components.releases import operations
from flows.cli.printing import print_table
from flows.errors import NoReleaseError, TimeError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from components.releases.entry import Release
    from components.settings.settings import Resolved

SHORT = 12


def history(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """List every release, oldest first, or tell what was in force.

    Raises:
        TimeError: the time asked for is none.
        NoReleaseError: there was no release then.
    """
    home = resolved.settings.home
    if arguments.node is None and arguments.at is None:
        return _list(arguments, home)
    return _tell(arguments, home)


def read_time(text: str | None, now: datetime) -> datetime:
    """A clock time of today or a whole date and time; without an offset it is UTC.

    Raises:
        TimeError: it is neither.
    """
    if text is None:
        return now
    try:
        is_clock_time = len(text) <= len("03:12:00")
        found = datetime.fromisoformat(f"{now.date()}T{text}" if is_clock_time else text)
    except ValueError as error:
        raise TimeError(
            f"asked for the time {text!r}",
            f"it cannot be read: {error}",
            "write 03:12 (today, UTC) or 2026-11-21T03:12, with +01:00 if it is not UTC",
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _list(arguments: argparse.Namespace, home: Path) -> int:
    lines = operations.history(home)
    if arguments.json:
        rows = [
            {
                "sequence": line.sequence,
                "kind": str(line.kind),
                "when": line.when.isoformat(),
                "who": line.who,
                "what": line.what,
                "why": line.why,
            }
            for line in lines
        ]
        print(json.dumps(rows))
        return 0
    print_table(
        ("release", "kind", "when (UTC)", "who", "what", "why"),
        [
            (
                str(line.sequence),
                str(line.kind),
                f"{line.when:%Y-%m-%d %H:%M:%S}",
                line.who,
                line.what,
                line.why,
            )
            for line in lines
        ],
    )
    return 0


def _tell(arguments: argparse.Namespace, home: Path) -> int:
    time = read_time(arguments.at, datetime.now(UTC))
    release = operations.release_at(home, time)
    if release is None:
        raise NoReleaseError(
            f"asked what was in force at {time:%Y-%m-%d %H:%M} UTC",
            "there was no release yet",
            "see `joulepilot history` for the first",
        )
    wanted = None if arguments.node is None else release.desired.digest_for(arguments.node)
    ran = None if arguments.node is None else _what_ran(home, arguments.node, time)
    if arguments.json:
        print(json.dumps(_facts(release, arguments.node, wanted, ran)))
        return 0
    print(
        f"release {release.sequence}, {release.kind} by {release.who} "
        f"at {release.when:%Y-%m-%d %H:%M:%S} UTC: {release.why}"
    )
    if arguments.node is not None:
        paused = ", paused" if release.desired.is_paused(arguments.node) else ""
        print(f"{arguments.node} was to run {CORE_ALLOCATOR} {_short(wanted)}{paused}")
        print(_ran_sentence(arguments.node, ran))
    for name, value in release.evidence.items():
        print(f"  {name}: {value}")
    return 0


def _what_ran(home: Path, node: str, time: datetime) -> dict[str, str] | None:
    """What the node's last checked sample before a time says was deciding; None: there is none."""
    lake = Lake(home / "lake")
    if lake.version(Table.SAMPLES) is None:
        return None
    frame = lake.samples()
    mine = frame[(frame["node"] == node) & (frame["window_start"] <= time)]
    if mine.empty:
        return None
    last = mine.sort_values("window_start").iloc[-1]
    return {
        "at": f"{last['window_start']:%Y-%m-%d %H:%M:%S}",
        "policy_digest": "" if last["policy_digest"] is None else str(last["policy_digest"]),
        "arm": str(last["arm"]),
    }


def _ran_sentence(node: str, ran: dict[str, str] | None) -> str:
    if ran is None:
        return f"no checked sample of {node} says what it really ran then"
    return (
        f"its last sample before, at {ran['at']} UTC, was of {_short(ran['policy_digest'] or None)}"
        f", arm {ran['arm']}"
    )


def _facts(
    release: Release, node: str | None, wanted: str | None, ran: dict[str, str] | None
) -> dict[str, object]:
    return {
        "sequence": release.sequence,
        "kind": str(release.kind),
        "when": release.when.isoformat(),
        "who": release.who,
        "why": release.why,
        "node": node,
        "wanted": wanted,
        "ran": ran,
        "evidence": dict(release.evidence),
    }


def _short(digest: str | None) -> str:
    return "no policy" if digest is None else digest[:SHORT]
