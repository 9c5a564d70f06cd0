"""Which bundle runs where: the first release, promotions, and going back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.policy.manifest import CORE_ALLOCATOR
from components.releases.desired import ALL_NODES, Desired, Ring
from components.releases.entry import Kind, Release
from components.releases.errors import ConflictError, RefusedError
from components.releases.log import Draft, ReleaseLog
from components.releases.outcome import Outcome, appended, in_force, unchanged, utc
from components.releases.source import BUNDLES, RELEASES
from components.releases.store import BundleStore, read_bundle
from components.releases.verdict import RuleResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from components.jobs.job import Mode
    from components.releases.strict_json import Scalar

SEEDER = "joulepilot"


def seed(home: Path, default_bundle: Path, *, when: datetime | None = None) -> Outcome:
    """Make release 1 from the bundle that ships with joulepilot, unless there is a release.

    Raises:
        BundleError: the shipped bundle is damaged.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    log = ReleaseLog(home / RELEASES)
    latest = log.latest()
    if latest is not None:
        return unchanged(latest, "there are releases already")
    digest = BundleStore(home / BUNDLES).add(default_bundle)
    rule = RuleResult(
        "shipped with joulepilot",
        passed=True,
        found=f"bundle {digest[:12]}, every file as its digest says",
        needed="the bundle in the package",
        sentence="The first release is the bundle that was judged before it was shipped.",
    )
    draft = Draft(
        after=0,
        kind=Kind.PROMOTE,
        desired=Desired((Ring(ALL_NODES, {CORE_ALLOCATOR: digest}),)),
        who=SEEDER,
        when=utc(when),
        why="the bundle shipped with joulepilot",
        verdict=Verdict.of(digest, (rule,)),
    )
    try:
        return appended(log, draft)
    except ConflictError:
        return unchanged(in_force(log.entries(), "seed"), "someone else made the first release")


def promote(
    home: Path,
    bundle: Path,
    verdict: Verdict,
    *,
    who: str,
    why: str,
    policy: str = CORE_ALLOCATOR,
    nodes: tuple[str, ...] = ALL_NODES,
    evidence: Mapping[str, Scalar] | None = None,
    mode_allowed: Mode | None = None,
    expires_at: datetime | None = None,
    when: datetime | None = None,
    after: int | None = None,
) -> Outcome:
    """Have every node run a bundle from now, or (a canary) those that `nodes` names.

    A promotion for every node ends canaries. Other policies and pauses stay, and so does the
    mode allowed unless one is given.

    Raises:
        RefusedError: the verdict does not pass, or is about another bundle.
        BundleError: the bundle is damaged.
        ConflictError: someone else appended an entry meanwhile, or since entry `after`, where
            one is given.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    digest, _ = read_bundle(bundle)
    _require_passing(verdict, digest)
    BundleStore(home / BUNDLES).add(bundle)
    log = ReleaseLog(home / RELEASES)
    latest = log.latest()
    _require_unmoved(latest, after, asked=f"promote bundle {digest[:12]}")
    desired = _with_policy(latest, policy, digest, nodes)
    if mode_allowed is not None:
        desired = replace(desired, mode_allowed=mode_allowed)
    if latest is not None and (latest.desired, latest.expires_at) == (desired, expires_at):
        return unchanged(latest, f"bundle {digest[:12]} is in force already")
    return appended(
        log,
        Draft(
            after=0 if latest is None else latest.sequence,
            kind=Kind.PROMOTE if nodes == ALL_NODES else Kind.CANARY,
            desired=desired,
            who=who,
            when=utc(when),
            why=why,
            evidence=evidence or {},
            verdict=verdict,
            expires_at=expires_at,
        ),
    )


def desired_after_promotion(
    latest: Release | None, digest: str, *, policy: str = CORE_ALLOCATOR, nodes: tuple[str, ...]
) -> Desired:
    """What `promote` would write over an entry; nothing is written."""
    return _with_policy(latest, policy, digest, nodes)


def desired_after_rollback(entries: Sequence[Release], to: int | None = None) -> Desired:
    """What `rollback` would write after these entries; nothing is written.

    Raises:
        RefusedError: there is nothing to go back to, or no such entry.
    """
    latest = in_force(entries, "roll back")
    return replace(latest.desired, rings=_goal(entries, to).desired.rings)


def rollback(
    home: Path,
    *,
    who: str,
    why: str,
    to: int | None = None,
    when: datetime | None = None,
    after: int | None = None,
) -> Outcome:
    """Have every node run what an earlier entry said; pauses and the mode stay as they are.

    Args:
        home: of the release log.
        who: asks for it.
        why: it is asked for.
        to: sequence of the entry to go back to; by default the one that was in force before what
            runs now was promoted, and before its canary. So going back twice goes back two
            promotions, never forward.
        when: UTC; now by default.
        after: sequence of the entry that the asker saw last; None: whichever is last.

    Raises:
        RefusedError: there is nothing to go back to, or no such entry.
        BundleError: a bundle of that entry is not kept here any more.
        ConflictError: someone else appended an entry meanwhile.
        ReleaseLogError: the log is damaged or cannot be written.
    """
    log = ReleaseLog(home / RELEASES)
    entries = log.entries()
    latest = in_force(entries, "roll back")
    _require_unmoved(latest, after, asked="roll back")
    goal = _goal(entries, to)
    if goal.desired.rings == latest.desired.rings and latest.expires_at is None:
        return unchanged(latest, f"what entry {goal.sequence} said is in force already")
    store = BundleStore(home / BUNDLES)
    for digest in sorted(goal.desired.digests):
        store.path(digest)
    return appended(
        log,
        Draft(
            after=latest.sequence,
            kind=Kind.ROLLBACK,
            desired=replace(latest.desired, rings=goal.desired.rings),
            who=who,
            when=utc(when),
            why=why,
            evidence={"rolled_back_from": latest.sequence, "rolled_back_to": goal.sequence},
        ),
    )


def _goal(entries: Sequence[Release], to: int | None) -> Release:
    return _before_promotion(entries) if to is None else _entry(entries, to)


def _require_unmoved(latest: Release | None, after: int | None, *, asked: str) -> None:
    found = 0 if latest is None else latest.sequence
    if after is not None and found != after:
        by = "" if latest is None else f": {latest.kind} by {latest.who}, {latest.why!r}"
        raise ConflictError(
            f"{asked} after entry {after}",
            f"the last entry is {found} now{by}",
            "look at `joulepilot history` and ask again",
        )


def _require_passing(verdict: Verdict, digest: str) -> None:
    asked = f"promote bundle {digest[:12]}"
    if verdict.digest != digest:
        raise RefusedError(
            asked, f"the verdict is about bundle {verdict.digest[:12]}", "have this one judged"
        )
    if not verdict.passed:
        reasons = " ".join(f"{rule.name}: {rule.sentence}" for rule in verdict.failures)
        raise RefusedError(
            asked, f"the gate says no. {reasons}", "train a better one; what runs now stays"
        )


def _with_policy(
    latest: Release | None, policy: str, digest: str, nodes: tuple[str, ...]
) -> Desired:
    """What is desired once `nodes` run a bundle, over what is desired now."""
    if latest is None:
        return Desired(_rings({}, policy, digest, nodes))
    settled = latest.desired.rings[-1].policies
    return replace(latest.desired, rings=_rings(settled, policy, digest, nodes))


def _rings(
    settled: Mapping[str, str], policy: str, digest: str, nodes: tuple[str, ...]
) -> tuple[Ring, ...]:
    new = Ring(nodes, {**settled, policy: digest})
    return (new,) if nodes == ALL_NODES else (new, Ring(ALL_NODES, settled))


def _before_promotion(entries: Sequence[Release]) -> Release:
    """The entry that was in force before what runs now was tried on a node, or promoted."""
    rings = entries[-1].desired.rings
    promoted = max(
        number
        for number, entry in enumerate(entries)
        if entry.kind.needs_verdict and entry.desired.rings == rings
    )
    for entry in reversed(entries[:promoted]):
        if rings[0].policies not in [ring.policies for ring in entry.desired.rings]:
            return entry
    raise RefusedError(
        "roll back",
        f"what runs now, since entry {entries[promoted].sequence}, is the first there was",
        "promote another bundle, or pause",
    )


def _entry(entries: Sequence[Release], sequence: int) -> Release:
    if not 1 <= sequence <= len(entries):
        raise RefusedError(
            f"roll back to entry {sequence}",
            f"the log has entries 1 to {len(entries)}",
            "choose one that `joulepilot history` lists",
        )
    return entries[sequence - 1]
