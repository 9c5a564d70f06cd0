"""Topology of a recorded node, from the few counts that its sidecar names."""

from __future__ import annotations

from components.node.topology import Cpu, Topology

CORES_PER_L3 = 8
"""Assumed where no L3 group is named and this divides a socket; usual on servers since 2019."""
MOST_CORES_OF_ONE_SOCKET = 32
"""A node with more cores, and an even number of them, is taken for one of two sockets."""


def recorded_topology(
    n_logical: int, n_physical: int, n_sockets: int | None = None, n_l3_groups: int | None = None
) -> Topology:
    """Lay out a node of these counts, as evenly as they allow.

    Cores are dealt out over L3 groups and these over sockets in blocks whose sizes differ by one
    at most. Logical CPUs beyond one a core are dealt out as siblings from the first core on, so
    that nodes on which only some cores have siblings come out right.

    What is None is guessed: one socket, or two above 32 cores where their number is even; L3
    groups of eight cores where that divides a socket, else one a socket. Every socket has a core
    and an L3 group of its own, whatever the counts say.
    """
    n_sockets = min(n_sockets or _guess_sockets(n_physical), n_physical)
    n_groups = n_l3_groups or _guess_l3_groups(n_physical, n_sockets)
    n_groups = min(max(n_groups, n_sockets), n_physical)
    cpus = []
    for cpu in range(n_logical):
        core = cpu % n_physical
        l3 = core * n_groups // n_physical
        socket = l3 * n_sockets // n_groups
        cpus.append(Cpu(cpu, core, socket, socket, l3, cpu // n_physical))
    return Topology(tuple(cpus))


def _guess_sockets(n_physical: int) -> int:
    return 2 if n_physical > MOST_CORES_OF_ONE_SOCKET and n_physical % 2 == 0 else 1


def _guess_l3_groups(n_physical: int, n_sockets: int) -> int:
    per_socket, rest = divmod(n_physical, n_sockets)
    if rest or per_socket % CORES_PER_L3:
        return n_sockets
    return n_physical // CORES_PER_L3
