"""Causes that heartbeats show: a node that changed, a policy that failed on one."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from flows.triggers.cause import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.hub.nodes import NodeState

logger = logging.getLogger(__name__)
MEMORY = "fingerprints.json"
SHORT = 12


def causes_of_nodes(home: Path, states: Sequence[NodeState]) -> tuple[Cause, ...]:
    """Compare nodes with how they were last time, and remember how they are."""
    known = _load(home / MEMORY)
    now = {state.heartbeat.node: state.heartbeat.fingerprint for state in states}
    changed = {node for node, print_ in now.items() if known.get(node, print_) != print_}
    if any(known.get(node) != print_ for node, print_ in now.items()):
        replace_file(home / MEMORY, json.dumps(known | now) + "\n")
    causes = [
        Cause(f"fingerprint {node} {now[node]}", f"the fingerprint of {node} changed")
        for node in sorted(changed)
    ]
    causes += [
        Cause(
            f"blocked {digest}",
            f"{state.heartbeat.node} rolled bundle {digest[:SHORT]} back by itself",
        )
        for state in states
        for digest in state.heartbeat.blocked_digests
    ]
    return tuple(causes)


def _load(file: Path) -> dict[str, str]:
    try:
        content: object = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read, so a change may go unnoticed once: %s", file, error)
        return {}
    return {str(k): str(v) for k, v in content.items()} if isinstance(content, dict) else {}
