"""What nodes have told of their CPUs, sockets and caches, kept by the hub of this home."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.hub.nodes import NODES, nodes_from_json
from components.node.errors import TopologyError
from components.node.topology_text import topology_from_text
from components.telemetry.errors import EventError

if TYPE_CHECKING:
    from pathlib import Path

    from components.node.topology import Topology

logger = logging.getLogger(__name__)


def known_topologies(home: Path) -> dict[str, Topology]:
    """Topology by node class, from the last heartbeat of each node; none where there was none.

    Learning without it would assume caches by the name of a class.
    """
    try:
        states = nodes_from_json((home / NODES).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, EventError) as error:
        logger.warning("topologies are assumed by the names of node classes: %s", error)
        return {}
    known = {}
    for beat in (state.heartbeat for state in states):
        if beat.topology is not None:
            try:
                known[beat.node_class] = topology_from_text(beat.topology)
            except TopologyError as error:
                logger.warning("the topology that %s tells is none: %s", beat.node, error)
    return known
