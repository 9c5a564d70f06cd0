"""Which entry may follow a log: nothing runs that never passed the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.releases.entry import Kind, Release
from components.releases.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_admissible(release: Release, earlier: Sequence[Release]) -> None:
    """Check what an entry wants against what was said before it.

    Raises:
        RefusedError: a bundle enters that no passing verdict ever covered, or that regressed in
            a canary, or an entry that is about something else changes what runs where.
    """
    unknown = release.desired.digests - admitted_digests((*earlier, release))
    if unknown:
        names = ", ".join(sorted(digest[:12] for digest in unknown))
        raise RefusedError(
            f"a {release.kind} by {release.who} to bundle {names}",
            "that bundle never passed the gate",
            "have it judged and promote it",
        )
    _refuse_regressed(release, earlier)
    changes_rings = not earlier or release.desired.rings != earlier[-1].desired.rings
    if changes_rings and release.kind in {Kind.PAUSE, Kind.RESUME, Kind.SWEEP}:
        raise RefusedError(
            f"a {release.kind} by {release.who}",
            "it would change which policy runs where",
            "use promote or rollback for that",
        )


def _refuse_regressed(release: Release, earlier: Sequence[Release]) -> None:
    for entry in earlier:
        digest = entry.blocked_digest
        if digest is not None and digest in release.desired.digests:
            raise RefusedError(
                f"a {release.kind} by {release.who} to bundle {digest[:12]}",
                f"it regressed in a canary, see entry {entry.sequence}: {entry.why}",
                "promote another version",
            )


def admitted_digests(entries: Sequence[Release]) -> frozenset[str]:
    """Every bundle that a passing verdict of these entries covers."""
    return frozenset(
        entry.verdict.digest
        for entry in entries
        if entry.verdict is not None and entry.verdict.passed
    )
