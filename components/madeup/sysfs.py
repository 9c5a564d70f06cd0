"""Writes a made-up node as the files in which Linux describes and counts it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from components.node.cpuset import format_cpu_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from components.node.cpuset import CpuSet
    from components.node.topology import Cpu, Topology

_CPU_FOLDER = "devices/system/cpu"
_FREQUENCY = {
    "scaling_available_governors": "performance powersave",
    "energy_performance_preference": "performance",
    "energy_performance_available_preferences": (
        "default performance balance_performance balance_power power"
    ),
    "cpuinfo_min_freq": "800000",
    "cpuinfo_max_freq": "3500000",
    "scaling_min_freq": "800000",
    "scaling_max_freq": "3500000",
}
_REST = "0 0 0 0 0 0"


def write_node(root: Path, topology: Topology, *, cpu_model: str, governor: str) -> None:
    """Lay out `root/sys` and `root/proc` for a node with all its CPUs online."""
    base = root / "sys" / _CPU_FOLDER
    by_core = _members(topology, "core")
    by_l3 = _members(topology, "l3")
    for cpu in topology.cpus:
        folder = base / f"cpu{cpu.id}"
        siblings = format_cpu_list(by_core[cpu.core])
        _write(folder / "topology/physical_package_id", str(cpu.socket))
        _write(folder / "topology/core_id", str(cpu.core))
        _write(folder / "topology/thread_siblings_list", siblings)
        _write(folder / "cache/index3/level", "3")
        _write(folder / "cache/index3/shared_cpu_list", format_cpu_list(by_l3[cpu.l3]))
        for name, text in {**_FREQUENCY, "scaling_governor": governor}.items():
            _write(folder / "cpufreq" / name, text)
    for node, cpus in _members(topology, "numa_node").items():
        _write(root / f"sys/devices/system/node/node{node}/cpulist", format_cpu_list(cpus))
    has_smt = topology.n_logical > topology.n_physical
    _write(base / "smt/active", str(int(has_smt)))
    _write(base / "smt/control", "on" if has_smt else "notsupported")
    _write(base / "possible", format_cpu_list(topology.ids))
    _write(base / "present", format_cpu_list(topology.ids))
    write_online(root, topology.ids)
    _write(root / "proc/cpuinfo", _cpuinfo(topology.cpus, cpu_model))
    _write(root / "proc/sys/kernel/osrelease", "6.1.0-made-up")
    write_proc_stat(root, dict.fromkeys(topology.ids, 0.0), 0.0)


def write_online(root: Path, online: CpuSet) -> None:
    """Say which CPUs are online."""
    _write(root / "sys" / _CPU_FOLDER / "online", format_cpu_list(online))


def write_proc_stat(root: Path, busy_s: Mapping[int, float], uptime_s: float) -> dict[int, float]:
    """Write busy and idle time of each CPU as user and idle time.

    Returns:
        Busy seconds by CPU as they can be read from the file: in the kernel's ticks.
    """
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    uptime = round(uptime_s * ticks_per_s)
    busy = {cpu: round(busy_s[cpu] * ticks_per_s) for cpu in sorted(busy_s)}
    total = sum(busy.values())
    lines = [f"cpu  {total} 0 0 {uptime * len(busy) - total} {_REST}"]
    lines.extend(
        f"cpu{cpu} {ticks} 0 0 {max(uptime - ticks, 0)} {_REST}" for cpu, ticks in busy.items()
    )
    overwrite(root / "proc/stat", "\n".join(lines))
    return {cpu: ticks / ticks_per_s for cpu, ticks in busy.items()}


def overwrite(path: Path, text: str) -> None:
    """Replace a file's text and a final newline, in place.

    Opening without truncation is thirty times cheaper here, and counters are written every tick.
    """
    data = f"{text}\n".encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, data)
        if os.fstat(descriptor).st_size > len(data):
            os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)


def _cpuinfo(cpus: Iterable[Cpu], cpu_model: str) -> str:
    return "\n\n".join(
        f"processor\t: {cpu.id}\nvendor_id\t: MadeUp\nmodel name\t: {cpu_model}\n"
        f"physical id\t: {cpu.socket}\ncore id\t\t: {cpu.core}"
        for cpu in cpus
    )


def _members(topology: Topology, field: str) -> dict[int, set[int]]:
    members: dict[int, set[int]] = {}
    for cpu in topology.cpus:
        members.setdefault(getattr(cpu, field), set()).add(cpu.id)
    return members


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    overwrite(path, text)
