"""Asking nodes for a sweep through the release log, and waiting for their heartbeats to say so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.hub.client import nodes_of
from components.hub.errors import HubAwayError
from components.releases import operations
from flows.errors import SweepFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.settings.settings import Settings
    from components.telemetry.heartbeat import SweepStatus

    Progress = Callable[[int, int, str], None]

POLL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrder:
    """What nodes are asked to try."""

    nodes: tuple[str, ...]
    """Names, not patterns: each is waited for."""
    n_windows: int = 2
    n_points: int | None = 40
    timeout_s: float = 900.0


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What became of a sweep."""

    sequence: int
    """Of the entry that asked for it."""
    points: Mapping[str, int]
    """Allocations tried, by node."""


def sweep_nodes(
    settings: Settings,
    order: SweepOrder,
    *,
    who: str,
    why: str,
    progress: Progress | None = None,
) -> SweepResult:
    """Ask for a sweep and wait until every node has done it.

    Raises:
        SweepFailedError: a node says it failed, or was not done in time.
        ConflictError: someone else appended an entry meanwhile.
    """
    outcome = operations.request_sweep(
        settings.home,
        who=who,
        why=why,
        n_windows=order.n_windows,
        n_points=order.n_points,
        nodes=order.nodes,
    )
    sequence = outcome.release.sequence
    deadline = time.monotonic() + order.timeout_s
    while True:
        seen = _statuses(settings, order, sequence)
        _raise_if_failed(seen, sequence)
        if progress is not None:
            _tell(progress, seen, order)
        if all(name in seen and seen[name].state == "done" for name in order.nodes):
            return SweepResult(sequence, {name: s.done for name, s in seen.items()})
        if time.monotonic() > deadline:
            raise _late(seen, order, sequence)
        time.sleep(POLL_S)


def _statuses(settings: Settings, order: SweepOrder, sequence: int) -> dict[str, SweepStatus]:
    """What each node says of this very sweep; nothing while the hub is away."""
    try:
        states = nodes_of(settings)
    except HubAwayError:
        return {}
    sweeps = {state.heartbeat.node: state.heartbeat.sweep for state in states}
    return {
        name: sweep
        for name, sweep in sweeps.items()
        if name in order.nodes and sweep is not None and sweep.sequence == sequence
    }


def _raise_if_failed(seen: Mapping[str, SweepStatus], sequence: int) -> None:
    for name, status in seen.items():
        if status.state == "failed":
            raise SweepFailedError(
                f"asked {name} for the sweep of entry {sequence}",
                f"it failed after {status.done} of {status.total} points: {status.reason}",
                f"look at its own word: joulepilot-node status on {name}",
            )


def _tell(progress: Progress, seen: Mapping[str, SweepStatus], order: SweepOrder) -> None:
    done = sum(status.done for status in seen.values())
    total = sum(status.total for status in seen.values())
    quiet = sorted(set(order.nodes) - set(seen))
    text = f"waiting for {', '.join(quiet)}" if quiet else "points tried"
    progress(done, max(total, 1), text)


def _late(seen: Mapping[str, SweepStatus], order: SweepOrder, sequence: int) -> SweepFailedError:
    words = ", ".join(
        f"{name}: {seen[name].done} of {seen[name].total}" if name in seen else f"{name}: silent"
        for name in order.nodes
    )
    return SweepFailedError(
        f"asked for the sweep of entry {sequence} within {order.timeout_s:.0f} s",
        words,
        "see joulepilot status; ask again with a longer --timeout-s or fewer --points",
    )
