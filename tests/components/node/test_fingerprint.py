from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from components.node.fingerprint import NodeIdentity, read_identity
from components.node.topology import Topology, grid_topology, read_topology

WriteRoot = Callable[[Topology], Path]
EPYC = grid_topology(sockets=2, l3_per_socket=8, cores_per_l3=4, threads_per_core=2)


def _identity(root: Path, topology: Topology = EPYC) -> NodeIdentity:
    return read_identity(topology, root / "sys", root / "proc")


def test_a_class_is_readable_and_ends_in_a_digest(write_root: WriteRoot) -> None:
    node_class = _identity(write_root(EPYC)).node_class
    assert re.fullmatch(r"amd-epyc-7502-2s64c128t-[0-9a-f]{8}", node_class)


def test_reading_twice_gives_the_same(write_root: WriteRoot) -> None:
    root = write_root(EPYC)
    assert _identity(root) == _identity(root)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("proc/sys/kernel/osrelease", "6.12.0-other"),
        ("sys/devices/system/cpu/smt/control", "off"),
        ("sys/devices/system/cpu/cpu7/cpufreq/scaling_governor", "performance"),
        ("proc/driver/nvidia/version", "NVRM version: 550.54"),
    ],
)
def test_what_changes_under_a_node_changes_its_fingerprint_not_its_class(
    write_root: WriteRoot, file: str, text: str
) -> None:
    root = write_root(EPYC)
    before = _identity(root)
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    now = _identity(root)
    assert now.node_class == before.node_class
    assert now.fingerprint != before.fingerprint
    assert len(set(now.facts) - set(before.facts)) == 1


def test_another_accelerator_or_topology_is_another_class(write_root: WriteRoot) -> None:
    root = write_root(EPYC)
    before = _identity(root)
    half = Topology(EPYC.cpus[:64])
    assert _identity(root, half).node_class != before.node_class
    device = root / "sys/class/drm/renderD128/device"
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "device").write_text("0x20b0\n")
    assert _identity(root).node_class != before.node_class
    assert ("accelerators", "0x10de:0x20b0") in _identity(root).facts


@pytest.mark.parametrize(
    ("cpuinfo", "slug"),
    [
        ("model name\t: Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "intel-xeon-platinum-8380-"),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd0c", "arm-0x41-0xd0c-"),
        ("", "unknown-2s"),
    ],
)
def test_processors_are_named_without_noise(write_root: WriteRoot, cpuinfo: str, slug: str) -> None:
    root = write_root(EPYC)
    (root / "proc/cpuinfo").write_text(cpuinfo)
    assert _identity(root).node_class.startswith(slug)


def test_this_machine_has_an_identity() -> None:
    identity = read_identity(read_topology(Path("/sys")), Path("/sys"), Path("/proc"))
    assert re.fullmatch(r"[a-z0-9.-]+-\d+s\d+c\d+t-[0-9a-f]{8}", identity.node_class)
    assert re.fullmatch(r"[0-9a-f]{12}", identity.fingerprint)
