"""A topology as one line of text, for heartbeats and people.

Threads of a core are joined by commas, cores of an L3 group by spaces, groups of a socket by `/`,
sockets by `|`: `0,4 1,5 / 2,6 3,7` is one socket with two L3 groups of two cores of two threads.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from components.node.errors import TopologyError
from components.node.topology import Cpu, Topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SOCKETS, GROUPS, THREADS = "|", "/", ","


@lru_cache(maxsize=8)
def topology_text(topology: Topology) -> str:
    """Write a topology down; NUMA nodes are not told."""
    cpus = sorted(topology.cpus, key=lambda cpu: (cpu.socket, cpu.l3, cpu.core, cpu.thread))
    sockets = [
        f" {GROUPS} ".join(_group(group) for _, group in groupby(socket, lambda cpu: cpu.l3))
        for _, socket in groupby(cpus, lambda cpu: cpu.socket)
    ]
    return f" {SOCKETS} ".join(sockets)


def _group(cpus: Iterable[Cpu]) -> str:
    cores = groupby(cpus, lambda cpu: cpu.core)
    return " ".join(THREADS.join(str(cpu.id) for cpu in core) for _, core in cores)


def topology_from_text(text: str) -> Topology:
    """Read a topology back; each socket counts as one NUMA node.

    Raises:
        TopologyError: it is not such a text, or a CPU is named twice.
    """
    cpus: list[Cpu] = []
    n_groups = n_cores = 0
    for number, socket in enumerate(text.split(SOCKETS)):
        for group in socket.split(GROUPS):
            cores = [_threads(core, text) for core in group.split()]
            for core, threads in enumerate(cores, start=n_cores):
                cpus += [
                    Cpu(cpu, core, number, number, n_groups, thread)
                    for thread, cpu in enumerate(threads)
                ]
            n_cores += len(cores)
            n_groups += 1
    return Topology(tuple(sorted(cpus, key=lambda cpu: cpu.id)))


def _threads(core: str, text: str) -> Sequence[int]:
    numbers = core.split(THREADS)
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise TopologyError(
            f"read the topology {text[:60]!r}",
            f"{core!r} names no CPUs",
            "write 0,4 1,5 / 2,6 3,7: threads, cores, L3 groups, and | between sockets",
        )
    return [int(number) for number in numbers]
