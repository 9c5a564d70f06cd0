"""Which kind of node this is, and in which state."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from components.node.topology import Topology

UNKNOWN = "unknown"
"""Stands for a fact that the kernel does not show; itself a fact that may change."""

_CLASS_DIGITS = 8
_FINGERPRINT_DIGITS = 12
_MAX_SLUG = 32
_NOISE = re.compile(r"\((r|tm)\)|\b(cpu|processor|[0-9a-z]+-core)\b|@.*", re.IGNORECASE)
_CPU_KEYS = ("vendor_id", "CPU implementer", "cpu family", "model", "CPU part", "stepping")

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What samples of a node are filed under."""

    node_class: str
    """Readable and unique, like `amd-epyc-7502-2s64c128t-ab12cd34`."""
    fingerprint: str
    """Digest that also changes with kernel, governor, SMT state and drivers."""
    facts: Facts = ()
    """What went in, so that a change can be told in words."""


def read_identity(topology: Topology, sysfs: Path, proc: Path) -> NodeIdentity:
    """Read what identifies a node from sysfs and procfs (or made-up roots).

    Nodes of one class have the same CPU model, topology and accelerators; the fingerprint also
    holds what can change under a node: kernel, SMT state, frequency governor, drivers.
    """
    model = _cpu_model(proc)
    kind = (
        ("cpu", " ".join(model.values())),
        ("topology", topology.digest),
        ("accelerators", _accelerators(sysfs)),
    )
    state = (
        ("kernel", _read(proc / "sys/kernel/osrelease")),
        ("smt", _read(sysfs / "devices/system/cpu/smt/control")),
        ("governor", _cpufreq(sysfs, "scaling_governor")),
        ("frequency driver", _cpufreq(sysfs, "scaling_driver")),
        *_capped(sysfs),
        ("nvidia driver", _read(proc / "driver/nvidia/version").split("\n")[0]),
    )
    shape = f"{topology.n_sockets}s{topology.n_physical}c{topology.n_logical}t"
    return NodeIdentity(
        node_class=f"{_slug(model['name'])}-{shape}-{_digest(kind)[:_CLASS_DIGITS]}",
        fingerprint=_digest(kind + state)[:_FINGERPRINT_DIGITS],
        facts=kind + state,
    )


def _cpu_model(proc: Path) -> dict[str, str]:
    """Name and numbers of the first CPU, as x86 (`model name`) and ARM (`CPU part`) give them."""
    first = _read(proc / "cpuinfo").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    rows = {key.strip(): value.strip() for key, _, value in pairs}
    numbers = {key: rows[key] for key in _CPU_KEYS if key in rows}
    arm = [rows[key] for key in ("CPU implementer", "CPU part") if key in rows]
    name = " ".join(["arm", *arm]) if arm else f"{UNKNOWN} cpu"
    return {"name": rows.get("model name", name), **numbers}


def _accelerators(sysfs: Path) -> str:
    """PCI ids of devices that render or accelerate, sorted; "" when there are none."""
    folders = (*sysfs.glob("class/drm/renderD*/device"), *sysfs.glob("class/accel/accel*/device"))
    return ",".join(sorted(f"{_read(f / 'vendor')}:{_read(f / 'device')}" for f in folders))


def _cpufreq(sysfs: Path, file: str) -> str:
    """The distinct values over all CPUs, so that one CPU's change is seen."""
    found = {_read(p) for p in sysfs.glob(f"devices/system/cpu/cpu[0-9]*/cpufreq/{file}")}
    return ",".join(sorted(found)) or UNKNOWN


def _capped(sysfs: Path) -> Facts:
    """The most that CPUs may run at, where that is less than they could."""
    most = _cpufreq(sysfs, "scaling_max_freq")
    return () if most == _cpufreq(sysfs, "cpuinfo_max_freq") else (("most kHz", most),)


def _slug(name: str) -> str:
    words = re.findall(r"[a-z0-9.]+", _NOISE.sub(" ", name).lower())
    return "-".join(words)[:_MAX_SLUG].strip("-.") or UNKNOWN


def _digest(facts: Facts) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return UNKNOWN
