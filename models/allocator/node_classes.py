"""Topology of a node class known by its name only."""

from __future__ import annotations

import re

from components.node.errors import TopologyError
from components.node.topology import Topology, grid_topology

CORES_PER_L3 = 8
"""Assumed where a name is all there is; usual on servers since 2019."""
_COUNTS = re.compile(r"(?:^|-)(\d{1,3})s(\d{1,4})c(\d{1,5})t(?:-|$)")


def topology_of_class(node_class: str) -> Topology:
    """Rebuild a regular node from the `…-2s64c128t-…` in its class.

    Sockets, cores and threads are as named; L3 groups are assumed to have eight cores where that
    divides a socket, and to be one a socket otherwise.

    Raises:
        TopologyError: the name has no such part, or one that makes no regular node.
    """
    match = _COUNTS.search(node_class)
    sockets, cores, cpus = (int(text) for text in match.groups()) if match else (0, 0, 0)
    if not sockets or not cores or cores % sockets or cpus % cores or not cpus:
        raise TopologyError(
            f"asked for the topology of the node class {node_class!r}",
            "its name has no part like 2s64c128t (sockets, cores, threads) of a regular node",
            "give the topology of the class",
        )
    per_socket = cores // sockets
    groups = per_socket // CORES_PER_L3 if per_socket % CORES_PER_L3 == 0 else 1
    return grid_topology(
        sockets=sockets,
        l3_per_socket=groups,
        cores_per_l3=per_socket // groups,
        threads_per_core=cpus // cores,
    )
