"""Begins canaries, and ends them by what the nodes say: on to the next ring, or out of the log.

Everything is read from the release log and the heartbeats, so whoever looks next goes on where the
last one was stopped; of two at once the log takes one.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.hub.client import nodes_of
from components.releases.canary import ENDED_AS, HOURS, THEN, End, canary_in_force, end_canary
from components.releases.desired import ALL_NODES
from components.releases.errors import ConflictError, RefusedError
from components.releases.log import ReleaseLog
from components.releases.operations import promote
from components.releases.outcome import in_force, unchanged
from components.releases.source import BUNDLES, RELEASES
from components.releases.store import BundleStore
from flows.canary_evidence import can_compare, judge
from flows.errors import CanaryUnderWayError
from flows.mirroring import mirror
from flows.releasing import promote_version
from flows.rollout import ALL, require_not_blocked, ring_nodes, stages_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.hub.nodes import NodeState
    from components.registry.facts import RegisteredVersion
    from components.releases.canary import Canary
    from components.releases.entry import Release
    from components.releases.operations import Outcome
    from components.releases.strict_json import Scalar
    from components.settings.settings import Settings
    from flows.canary_evidence import Judgement

logger = logging.getLogger(__name__)
WHO = "joulepilot canary"


def roll_out(
    settings: Settings,
    version: RegisteredVersion,
    rollout: str,
    *,
    who: str,
    why: str,
    evidence: Mapping[str, Scalar] | None = None,
    hours: float | None = None,
) -> Outcome:
    """Have a version run everywhere at once, or begin its canary.

    Args:
        settings: of the home and its servers.
        version: that passed the gate.
        rollout: one of `flows.rollout.STAGES`.
        who: asks for it.
        why: it is asked for.
        evidence: kept with the entry.
        hours: that each of its canaries may take; None: a day.

    Raises:
        NotBetterError, NotJudgedError: the gate says no, or never saw it.
        NoCanaryError: nodes do not compare versions of this policy.
        CanaryUnderWayError: another version is being tried.
        BlockedError: a node rolled it back.
        RefusedError: it regressed in a canary.
        RingError: no node is up.
        HubAwayError: nobody can say which nodes are.
        ConflictError: someone else appended an entry meanwhile.
    """
    first, *then = stages_of(rollout, version.policy)
    if first == ALL:
        return promote_version(settings, version, who=who, why=why, evidence=evidence)
    entries = ReleaseLog(settings.home / RELEASES).entries()
    latest = in_force(entries, f"try version {version.version}")
    known = _known(entries, version)
    if known is not None:
        return unchanged(latest, known)
    states = nodes_of(settings)
    require_not_blocked(states, version.digest)
    able = [state for state in states if can_compare(state.heartbeat)]
    return promote_version(
        settings,
        version,
        who=who,
        why=why,
        evidence={**(evidence or {}), THEN: " ".join(then), **({HOURS: hours} if hours else {})},
        nodes=ring_nodes(first, able or states, version.digest, datetime.now(UTC)),
        after=latest.sequence,
    )


def _known(entries: Sequence[Release], version: RegisteredVersion) -> str | None:
    """Why a version needs no new canary; None: it does."""
    if entries[-1].desired.rings[-1].policies.get(version.policy) == version.digest:
        return f"version {version.version} is the champion already"
    under_way = canary_in_force(entries, version.policy)
    if under_way is None:
        return None
    if under_way.digest == version.digest:
        return f"version {version.version} is being tried already"
    raise CanaryUnderWayError(
        f"asked for a canary of version {version.version}",
        f"entry {under_way.started.sequence} tries bundle {under_way.digest[:12]}",
        "wait until it has ended, or promote by hand",
    )


def tend(
    settings: Settings, entries: Sequence[Release], states: Sequence[NodeState], now: datetime
) -> Outcome | None:
    """End the canary in force, or widen it, if the nodes' word is enough; None: nothing to do.

    A canary that a person began for a ring of their own is theirs to promote. While nodes are
    paused nothing is promoted.

    Raises:
        RefusedError, BundleError, ReleaseLogError: it cannot be done.
    """
    canary = canary_in_force(entries)
    if canary is None:
        return None
    found = judge(canary, states, now)
    try:
        outcome = _answer(settings, canary, found, states, now)
    except ConflictError as error:
        logger.info("someone was faster: %s", error.found)
        return None
    if outcome is not None:
        mirror(settings, outcome.release)
    return outcome


def _answer(
    settings: Settings,
    canary: Canary,
    found: Judgement,
    states: Sequence[NodeState],
    now: datetime,
) -> Outcome | None:
    end, is_ours = found.end, bool(canary.then)
    if end is None or (end in {End.WON, End.UNDECIDED} and not is_ours):
        return None
    if end is End.WON:
        is_paused = bool(canary.latest.desired.paused_nodes)
        return None if is_paused else _go_on(settings, canary, found, states, now)
    why = f"its canary (entry {canary.started.sequence}) ended as {end}: {found.words}"
    return end_canary(settings.home, canary, end, who=WHO, why=why, when=now)


def _go_on(
    settings: Settings,
    canary: Canary,
    found: Judgement,
    states: Sequence[NodeState],
    now: datetime,
) -> Outcome:
    """Have the next ring run it that is wider than this one."""
    verdict = canary.started.verdict
    if verdict is None:
        raise RefusedError(
            f"promote bundle {canary.digest[:12]}, which won its canary",
            f"entry {canary.started.sequence} has no verdict of the gate",
            "promote it by hand",
        )
    nodes, then = _next_ring(canary, states, now)
    return promote(
        settings.home,
        BundleStore(settings.home / BUNDLES).path(canary.digest),
        verdict,
        who=WHO,
        why=f"won its canary (entry {canary.started.sequence}): {found.words}",
        nodes=nodes,
        evidence={
            **canary.after,
            ENDED_AS: End.WON.value,
            "canary_pairs": found.n_pairs,
            **({THEN: " ".join(then)} if then else {}),
        },
        when=now,
        after=canary.latest.sequence,
    )


def _next_ring(
    canary: Canary, states: Sequence[NodeState], now: datetime
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Nodes of the next ring, and the rings after it."""
    for number, ring in enumerate(canary.then):
        if ring == ALL:
            break
        nodes = ring_nodes(ring, states, canary.digest, now)
        if not set(nodes) <= set(canary.nodes):
            return tuple(dict.fromkeys((*canary.nodes, *nodes))), canary.then[number + 1 :]
    return ALL_NODES, ()
