"""Allocations drawn on the topology of their node: a cell for each logical CPU, in HTML."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from components.node.cpuset import parse_cpu_list
from components.node.errors import CpuListError, TopologyError
from components.node.topology_text import topology_from_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.node.topology import Cpu, Topology
    from components.telemetry.heartbeat import Heartbeat

N_COLOURS = 8
MOST_CPUS = 1024
"""A node with more is not drawn: the page would be larger than it is useful."""


def drawing(heartbeat: Heartbeat) -> str:
    """Draw which job has which CPUs; empty where the node does not tell its topology."""
    if heartbeat.topology is None:
        return ""
    try:
        topology = topology_from_text(heartbeat.topology)
        owners = _owners(heartbeat)
    except (TopologyError, CpuListError):
        return '<p class="soft">Its topology cannot be read.</p>'
    if topology.n_logical > MOST_CPUS:
        return f'<p class="soft">{topology.n_logical} CPUs are too many to draw.</p>'
    return (
        f'<div class="map" role="img" aria-label="{_label(heartbeat, topology)}">'
        f"{_sockets(topology, owners)}</div>\n{_legend(heartbeat)}"
    )


def _owners(heartbeat: Heartbeat) -> Mapping[int, Sequence[int]]:
    """Numbers of the jobs that may run on each CPU."""
    owners: dict[int, list[int]] = {}
    for number, job in enumerate(heartbeat.jobs):
        for cpu in parse_cpu_list(job.cpuset):
            owners.setdefault(cpu, []).append(number)
    return owners


def _sockets(topology: Topology, owners: Mapping[int, Sequence[int]]) -> str:
    cpus = sorted(topology.cpus, key=lambda cpu: (cpu.socket, cpu.l3, cpu.core, cpu.thread))
    sockets = []
    for _, socket in groupby(cpus, lambda cpu: cpu.socket):
        groups = []
        for _, group in groupby(socket, lambda cpu: cpu.l3):
            cores = (
                f"<u>{''.join(_cell(cpu, owners) for cpu in core)}</u>"
                for _, core in groupby(group, lambda cpu: cpu.core)
            )
            groups.append(f"<div>{''.join(cores)}</div>")
        sockets.append(f"<div>{''.join(groups)}</div>")
    return "".join(sockets)


def _cell(cpu: Cpu, owners: Mapping[int, Sequence[int]]) -> str:
    jobs = owners.get(cpu.id, ())
    if not jobs:
        return "<i></i>"
    return f'<i class="{"many" if len(jobs) > 1 else f"j{jobs[0] % N_COLOURS}"}"></i>'


def _label(heartbeat: Heartbeat, topology: Topology) -> str:
    jobs = "; ".join(f"{job.name} on CPUs {job.cpuset}" for job in heartbeat.jobs) or "no job"
    return escape(
        f"{topology.n_sockets} sockets, {topology.n_l3_groups} L3 groups, "
        f"{topology.n_physical} cores, {topology.n_logical} CPUs: {jobs}",
        quote=True,
    )


def _legend(heartbeat: Heartbeat) -> str:
    names = "".join(
        f'<span><i class="j{number % N_COLOURS}"></i>{escape(job.name)}</span>'
        for number, job in enumerate(heartbeat.jobs)
    )
    shared = '<span><i class="many"></i>shared</span>' if len(heartbeat.jobs) > 1 else ""
    return f'<p class="legend">{names}{shared}<span><i></i>free</span></p>\n'
