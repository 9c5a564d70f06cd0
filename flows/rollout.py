"""Who a change of the release log concerns, and whether the nodes have made it."""

from __future__ import annotations

import hashlib
import math
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.hub.client import nodes_of
from components.hub.errors import HubAwayError
from components.policy.manifest import CORE_ALLOCATOR
from components.releases.desired import ALL_NODES
from flows.errors import BlockedError, NoCanaryError, RingError
from flows.node_table import SILENT_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.hub.nodes import NodeState
    from components.releases.desired import Desired
    from components.settings.settings import Settings

ALL, ONE = "all", "one"
STAGES = {"all": (ALL,), "canary": (ONE, ALL), "rings": (ONE, "10%", ALL)}
"""The rings of each way to roll out, in order; a canary decides whether the next one comes."""
FOLLOWS_WITHIN_S = 10.0
POLL_S = 0.25
_SHARE = re.compile(r"(\d{1,3})%")


@dataclass(frozen=True, slots=True)
class Change:
    """What a node runs now and what it shall run; digests, None for no policy."""

    node: str
    before: str | None
    after: str | None
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the heartbeats said of an entry."""

    following: tuple[str, ...]
    behind: tuple[str, ...]
    """Heard of, but not running it in time."""
    silent: tuple[str, ...]
    sentence: str

    @property
    def is_complete(self) -> bool:
        """Whether every node that is heard of follows."""
        return not self.behind


def changes(
    states: Sequence[NodeState],
    desired: Desired,
    now: datetime,
    *,
    policy: str = CORE_ALLOCATOR,
) -> tuple[Change, ...]:
    """What each known node would run, by name; whether or not it differs from now."""
    return tuple(
        Change(
            node=state.heartbeat.node,
            before=(
                state.heartbeat.policy_digest
                if policy == CORE_ALLOCATOR
                else state.heartbeat.device_digest
            ),
            after=desired.digest_for(state.heartbeat.node, policy),
            is_silent=state.age_s(now) > SILENT_AFTER_S,
        )
        for state in states
    )


def stages_of(rollout: str, policy: str) -> tuple[str, ...]:
    """The rings of a way to roll out, in order.

    Raises:
        NoCanaryError: nodes do not compare versions of that policy, so no ring would be the last.
    """
    if policy != CORE_ALLOCATOR and rollout != ALL:
        raise NoCanaryError(
            f"asked for the rollout {rollout!r} of a {policy}",
            "nodes compare core allocators with each other, and nothing else",
            "promote it everywhere, or to nodes you name and watch: joulepilot promote --ring",
        )
    return STAGES[rollout]


def ring_nodes(ring: str, states: Sequence[NodeState], digest: str, now: datetime) -> Ring:
    """Which nodes a ring means: `all`, `one`, a share like `10%`, or a pattern of names.

    Which ones a share takes is drawn from the digest, so that a wider ring holds the narrower
    one of the same bundle and other bundles are tried elsewhere first.

    Raises:
        RingError: it is none of these, or no node that is up fits.
    """
    if ring == ALL:
        return ALL_NODES
    up = [s.heartbeat.node for s in states if s.age_s(now) <= SILENT_AFTER_S]
    share = _SHARE.fullmatch(ring)
    if ring != ONE and share is None:
        return (ring,)
    n_wanted = 1 if share is None else math.ceil(len(up) * min(int(share[1]), 100) / 100)
    if not up or n_wanted == 0:
        raise RingError(
            f"asked for the ring {ring!r}",
            f"{len(up)} nodes are up",
            "start a node, or name nodes by a pattern",
        )
    drawn = sorted(up, key=lambda node: hashlib.sha256(f"{digest} {node}".encode()).digest())
    return tuple(sorted(drawn[:n_wanted]))


Ring = tuple[str, ...]


def require_not_blocked(states: Sequence[NodeState], digest: str) -> None:
    """Refuse a bundle that a node blocked after it rolled it back by itself.

    Raises:
        BlockedError: a node did.
    """
    blocked = [s.heartbeat.node for s in states if digest in s.heartbeat.blocked_digests]
    if blocked:
        raise BlockedError(
            f"asked to promote bundle {digest[:12]}",
            f"{', '.join(blocked)} rolled it back and blocked it",
            "see why: joulepilot-node explain on that node; promote another version",
        )


def confirm(
    settings: Settings,
    sequence: int,
    *,
    within_s: float = FOLLOWS_WITHIN_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Confirmation:
    """Wait until every node that is heard of runs an entry; say who did not in time.

    Raises:
        HubAwayError: the hub did not answer once in that time.
    """
    deadline = time.monotonic() + within_s
    while True:
        over = time.monotonic() >= deadline
        try:
            found = confirmation(nodes_of(settings), sequence, datetime.now(UTC))
        except HubAwayError:
            if over:
                raise
        else:
            if found.is_complete or over:
                return found
        sleep(POLL_S)


def confirmation(states: Sequence[NodeState], sequence: int, now: datetime) -> Confirmation:
    """Sort nodes by whether they run an entry, or a later one."""
    silent = tuple(s.heartbeat.node for s in states if s.age_s(now) > SILENT_AFTER_S)
    heard = [s.heartbeat for s in states if s.heartbeat.node not in silent]
    following = tuple(b.node for b in heard if b.release is not None and b.release >= sequence)
    behind = tuple(b.node for b in heard if b.node not in following)
    sentence = f"{len(following)} of {len(heard)} nodes run release {sequence}"
    if not states:
        sentence = "no node was heard of yet"
    if behind:
        sentence += f"; not: {', '.join(behind)}"
    if silent:
        sentence += f"; silent: {', '.join(silent)}"
    return Confirmation(following, behind, silent, sentence)
