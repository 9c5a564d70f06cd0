from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.node.errors import TopologyError
from components.node.topology import (
    Cpu,
    Topology,
    grid_topology,
    read_online,
    read_topology,
)

WriteRoot = Callable[[Topology], Path]
EPYC = grid_topology(sockets=2, l3_per_socket=4, cores_per_l3=4, threads_per_core=2)
CPUS = "sys/devices/system/cpu"


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1, 1), (1, 1, 2, 1), (1, 2, 3, 2), (2, 4, 4, 2), (4, 1, 3, 1), (1, 1, 2, 4)],
)
def test_what_is_written_as_sysfs_is_read_back(
    write_root: WriteRoot, shape: tuple[int, int, int, int]
) -> None:
    sockets, l3, cores, threads = shape
    topology = grid_topology(
        sockets=sockets, l3_per_socket=l3, cores_per_l3=cores, threads_per_core=threads
    )
    assert read_topology(write_root(topology) / "sys") == topology


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 8), st.integers(1, 4))
def test_counts_of_a_grid_multiply(sockets: int, l3: int, cores: int, threads: int) -> None:
    topology = grid_topology(
        sockets=sockets, l3_per_socket=l3, cores_per_l3=cores, threads_per_core=threads
    )
    assert topology.n_sockets == sockets
    assert topology.n_l3_groups == sockets * l3
    assert topology.n_physical == sockets * l3 * cores
    assert topology.n_logical == sockets * l3 * cores * threads
    assert topology.ids == frozenset(range(topology.n_logical))


def test_siblings_numbered_side_by_side_are_understood(write_root: WriteRoot) -> None:
    cpus = tuple(Cpu(i, i // 2, 0, 0, 0, i % 2) for i in range(8))
    assert read_topology(write_root(Topology(cpus)) / "sys") == Topology(cpus)


def test_an_offline_cpu_is_not_there_and_its_sibling_is_alone(write_root: WriteRoot) -> None:
    root = write_root(EPYC)
    (root / CPUS / "online").write_text("0,2-63\n")
    topology = read_topology(root / "sys")
    assert topology.ids == EPYC.ids - {1}
    assert topology.n_physical == 32
    assert topology.by_id[33].thread == 0
    assert topology.digest != EPYC.digest
    assert read_online(root / "sys") == topology.ids


def test_without_l3_a_socket_is_one_group(write_root: WriteRoot) -> None:
    root = write_root(EPYC)
    for cache in (root / CPUS).glob("cpu*/cache"):
        shutil.rmtree(cache)
    topology = read_topology(root / "sys")
    assert topology.n_l3_groups == 2
    assert all(cpu.l3 == cpu.socket for cpu in topology.cpus)


def test_without_numa_the_node_is_one_numa_node(write_root: WriteRoot) -> None:
    root = write_root(EPYC)
    shutil.rmtree(root / "sys/devices/system/node")
    assert {cpu.numa_node for cpu in read_topology(root / "sys").cpus} == {0}


def test_a_machine_that_knows_no_socket_has_one(write_root: WriteRoot) -> None:
    root = write_root(grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1))
    for file in (root / CPUS).glob("cpu*/topology/physical_package_id"):
        file.write_text("-1\n")
    assert read_topology(root / "sys").n_sockets == 1


@pytest.mark.parametrize("file", ["online", "cpu3/topology/thread_siblings_list"])
def test_a_missing_file_is_named(write_root: WriteRoot, file: str) -> None:
    root = write_root(EPYC)
    (root / CPUS / file).unlink()
    with pytest.raises(TopologyError, match=file):
        read_topology(root / "sys")


def test_a_socket_that_is_no_number_is_named(write_root: WriteRoot) -> None:
    root = write_root(EPYC)
    (root / CPUS / "cpu5/topology/physical_package_id").write_text("first\n")
    with pytest.raises(TopologyError, match="'first' is no number"):
        read_topology(root / "sys")


def test_no_cpu_and_a_cpu_twice_make_no_topology() -> None:
    with pytest.raises(TopologyError, match="no CPU"):
        Topology(())
    with pytest.raises(TopologyError, match="do not ascend"):
        Topology((EPYC.cpus[0], EPYC.cpus[0]))


def test_the_digest_tells_nodes_apart_and_is_the_same_each_time() -> None:
    smaller = grid_topology(sockets=2, l3_per_socket=4, cores_per_l3=4, threads_per_core=1)
    assert EPYC.digest == Topology(EPYC.cpus).digest
    assert EPYC.digest != smaller.digest


def test_this_machine_can_be_read() -> None:
    topology = read_topology(Path("/sys"))
    assert topology.ids == read_online(Path("/sys"))
    assert 1 <= topology.n_sockets <= topology.n_physical <= topology.n_logical
