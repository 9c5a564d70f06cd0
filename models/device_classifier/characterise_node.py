"""Where a recording is made."""

from __future__ import annotations

import os
import platform
import socket
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from components.devices.cpu import cpu_model
from components.node.fingerprint import read_identity
from components.node.placement import layout_of
from components.node.topology import read_topology


@dataclass(frozen=True, slots=True)
class RecordingNode:
    """The node, as measurements name it, and facts about it for people."""

    name: str
    node_class: str
    fingerprint: str
    n_cpus: int
    layout: str | None
    facts: dict[str, str]


def this_node(sysfs: Path = Path("/sys"), proc: Path = Path("/proc")) -> RecordingNode:
    """Look at the node this process runs on.

    Raises:
        TopologyError: sysfs does not show its CPUs.
    """
    topology = read_topology(sysfs)
    identity = read_identity(topology, sysfs, proc)
    allowed = frozenset(os.sched_getaffinity(0))
    layout = layout_of(topology, allowed)
    n_cpus = len(allowed)
    return RecordingNode(
        name=socket.gethostname(),
        node_class=identity.node_class,
        fingerprint=identity.fingerprint,
        n_cpus=n_cpus,
        layout=None if layout is None else layout.value,
        facts={
            "cpu": cpu_model(proc),
            "cpus_allowed": str(n_cpus),
            "memory_mib": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**20:.0f}",
            "kernel": platform.release(),
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "joulepilot": version("joulepilot"),
        },
    )
