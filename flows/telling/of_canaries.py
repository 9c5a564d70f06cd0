"""What became of canaries, and those that wait for a person; by log and heartbeats alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from components.releases.canary import ENDED, ENDED_AS, End, canary_in_force
from flows.canary_evidence import judge
from flows.telling.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from components.hub.nodes import NodeState
    from components.releases.entry import Release

NEWS_FOR = timedelta(hours=24)
"""So long an entry is news: who was away meanwhile is told, once."""
SHORT = 12
TITLES = {
    End.REGRESSED: "the canary of {what} regressed",
    End.UNDECIDED: "the canary of {what} ended without a winner",
    End.EXPIRED: "the canary of {what} expired",
}


def canary_findings(
    entries: Sequence[Release], states: Sequence[NodeState], now: datetime
) -> tuple[Finding, ...]:
    """Canaries that ended lately, and one that a person has to decide on."""
    ended = tuple(
        _ended(entry, End(str(entry.evidence[ENDED_AS])))
        for entry in entries
        if ENDED_AS in entry.evidence and now - entry.when < NEWS_FOR
    )
    return (*ended, *_waiting(entries, states, now))


def _ended(entry: Release, end: End) -> Finding:
    what = _what(entry.evidence.get("version"), entry.blocked_digest)
    key = f"canary {entry.evidence.get(ENDED)} {entry.sequence}"
    text = f"Entry {entry.sequence}, {entry.kind} by {entry.who}: {entry.why}."
    if end is not End.WON:
        blocked = end is End.REGRESSED
        more = "It may not enter again." if blocked else "It stays challenger."
        return Finding(
            key,
            TITLES[end].format(what=what),
            f"{text} All nodes run the champion. {more}",
            "joulepilot history; the versions: joulepilot policies",
        )
    where = "everywhere" if len(entry.desired.rings) == 1 else "on the next ring"
    return Finding(
        key,
        f"{what} won its canary and runs {where}",
        text,
        "joulepilot history; take it back: joulepilot rollback --why …",
    )


def _waiting(
    entries: Sequence[Release], states: Sequence[NodeState], now: datetime
) -> Iterator[Finding]:
    canary = canary_in_force(entries)
    if canary is None or canary.then:
        return
    found = judge(canary, states, now)
    if found.end in {End.WON, End.UNDECIDED}:
        what = _what(canary.started.evidence.get("version"), canary.digest)
        yield Finding(
            f"canary {canary.started.sequence} {found.end}",
            f"the canary of {what} is over: {found.end}",
            f"{found.words}. It was begun by {canary.started.who}, who decides.",
            f"joulepilot promote {canary.digest[:SHORT]} --why …; or: joulepilot rollback --why …",
        )


def _what(version: object, digest: str | None) -> str:
    return f"version {version}" if version is not None else f"bundle {(digest or '?')[:SHORT]}"
