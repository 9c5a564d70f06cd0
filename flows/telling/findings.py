"""What is wrong, by what the heartbeats say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from components.hub.nodes import NodeState
    from components.releases.entry import Release
    from components.telemetry.heartbeat import Heartbeat

SILENT_AFTER_S = 30.0
"""Longer than `joulepilot status` waits: a restart is no reason to wake someone."""
PATIENCE_S = 30.0
"""How long a node may be behind, or the hub away: both start again now and then."""
SHORT = 12
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    key: str
    """The same for the same trouble, however its numbers change."""
    title: str
    text: str
    next_command: str
    patience_s: float = 0.0
    """How long it has to last before anyone is told."""

    @property
    def message(self) -> str:
        """What a person reads."""
        return f"{self.text}\nNext: {self.next_command}"


def findings(
    states: Sequence[NodeState], entries: Sequence[Release], now: datetime
) -> tuple[Finding, ...]:
    """Everything that is wrong with the nodes now, by what the log asks of them."""
    return tuple(finding for state in states for finding in _of_node(state, entries, now))


def _of_node(state: NodeState, entries: Sequence[Release], now: datetime) -> Iterator[Finding]:
    beat = state.heartbeat
    if state.age_s(now) > SILENT_AFTER_S:
        yield Finding(
            f"silent {beat.node}",
            f"{beat.node} is silent",
            f"{beat.node} was last heard of {state.received:%Y-%m-%d %H:%M:%S} UTC.",
            f"on {beat.node}: systemctl status joulepilot-node; joulepilot-node status",
        )
        return
    yield from _blocked(beat, {entry.blocked_digest for entry in entries})
    yield from _health(beat)
    yield from _behind(beat, entries[-1] if entries else None)


def _blocked(beat: Heartbeat, told: Collection[str | None]) -> Iterator[Finding]:
    """Bundles blocked on a node; those that the log blocks are told of with their canary."""
    for digest in beat.blocked_digests:
        if digest in told:
            continue
        yield Finding(
            f"blocked {beat.node} {digest}",
            f"{beat.node} rolled a policy back",
            f"{beat.node} rolled bundle {digest[:SHORT]} back by itself and blocked it.",
            f"joulepilot history --node {beat.node}; on it: joulepilot-node explain",
        )


def _health(beat: Heartbeat) -> Iterator[Finding]:
    for line in beat.health:
        yield Finding(
            f"health {beat.node} {_NUMBER.sub('#', line)}",
            f"{beat.node}: {line}",
            f"{beat.node} says: {line}.",
            f"on {beat.node}: joulepilot-node doctor",
        )


def _behind(beat: Heartbeat, latest: Release | None) -> Iterator[Finding]:
    if latest is not None and (beat.release is None or beat.release < latest.sequence):
        runs = "no release" if beat.release is None else f"release {beat.release}"
        yield Finding(
            f"behind {beat.node}",
            f"{beat.node} does not follow release {latest.sequence}",
            f"{beat.node} runs {runs}, not {latest.sequence} ({latest.kind} by {latest.who}).",
            f"joulepilot status; on {beat.node}: joulepilot-node status",
            PATIENCE_S,
        )
