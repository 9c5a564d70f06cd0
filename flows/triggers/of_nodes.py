"""Causes that heartbeats show: a node that changed, a policy that failed on one."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.durable_file import replace_file
from flows.triggers.cause import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from components.hub.nodes import NodeState

logger = logging.getLogger(__name__)
MEMORY = "seen-nodes.json"
SHORT = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """A node as it was last time."""

    fingerprint: str
    blocked: tuple[str, ...]


def causes_of_nodes(home: Path, states: Sequence[NodeState]) -> tuple[Cause, ...]:
    """Compare nodes with how they were last time, and remember how they are.

    A node that was never seen before is no cause.
    """
    known = _load(home / MEMORY)
    now = {
        state.heartbeat.node: Seen(state.heartbeat.fingerprint, state.heartbeat.blocked_digests)
        for state in states
    }
    if any(known.get(node) != seen for node, seen in now.items()):
        _save(home / MEMORY, {**known, **now})
    found = [
        cause for node, seen in now.items() for cause in _changed(node, known.get(node, seen), seen)
    ]
    return tuple({cause.key: cause for cause in found}.values())


def _changed(node: str, before: Seen, now: Seen) -> Iterator[Cause]:
    if now.fingerprint != before.fingerprint:
        key = f"fingerprint {node} {now.fingerprint}"
        yield Cause(key, f"the fingerprint of {node} changed")
    for digest in now.blocked:
        if digest not in before.blocked:
            yield Cause(f"blocked {digest}", f"{node} rolled bundle {digest[:SHORT]} back")


def _save(file: Path, nodes: Mapping[str, Seen]) -> None:
    content = {
        node: {"fingerprint": seen.fingerprint, "blocked": list(seen.blocked)}
        for node, seen in nodes.items()
    }
    replace_file(file, json.dumps(content) + "\n")


def _load(file: Path) -> dict[str, Seen]:
    try:
        content: Any = json.loads(file.read_text())
        return {
            str(node): Seen(str(seen["fingerprint"]), tuple(map(str, seen["blocked"])))
            for node, seen in content.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("%s cannot be read, so a change may go unnoticed once: %s", file, error)
        return {}
