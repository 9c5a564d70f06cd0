from pathlib import Path

import pytest

from components.actuation.errors import ApplyError, ContainerGoneError, RefusedError
from components.madeup.errors import MadeUpError
from components.madeup.node import MadeUpNode, reference_node
from components.node.topology import read_topology
from components.telemetry.errors import ReadingError


def _first(n_cpus: int) -> frozenset[int]:
    return frozenset(range(n_cpus))


def test_what_is_applied_is_read_back_from_the_files(node: MadeUpNode) -> None:
    container = node.container("resnet")
    assert node.host.configured_cpus(container.id) == ""
    assert node.host.effective_cpus(container.id) == node.topology.ids
    assert node.host.apply(container.id, frozenset({0, 1, 2, 64})) == {0, 1, 2, 64}
    assert node.host.configured_cpus(container.id) == "0-2,64"
    assert node.host.restore(container.id, "") == node.topology.ids


@pytest.mark.parametrize("cpus", [frozenset[int](), frozenset({128}), frozenset({0, 5})])
def test_cpus_that_cannot_be_are_refused_and_nothing_changes(
    node: MadeUpNode, cpus: frozenset[int]
) -> None:
    container = node.container("resnet")
    node.host.apply(container.id, _first(4))
    node.take_offline(frozenset({5}))
    with pytest.raises(RefusedError):
        node.host.apply(container.id, cpus)
    assert node.host.effective_cpus(container.id) == _first(4)


def test_an_engine_that_only_says_yes_is_found_out(node: MadeUpNode) -> None:
    container = node.container("resnet")
    node.host.apply(container.id, _first(9))
    node.ignore_writes("resnet")
    with pytest.raises(ApplyError, match="in force are"):
        node.host.apply(container.id, _first(4))
    assert node.host.effective_cpus(container.id) == _first(9)


def test_unplugged_cpus_leave_and_come_back_by_themselves(node: MadeUpNode) -> None:
    container = node.container("resnet")
    node.host.apply(container.id, frozenset({0, 1, 2, 3}))
    slow = node.true_latency_ms("resnet")
    node.take_offline(frozenset({2, 3}))
    assert node.host.effective_cpus(container.id) == {0, 1}
    assert node.true_latency_ms("resnet") > slow
    assert read_topology(node.sysfs).ids == node.topology.ids - {2, 3}
    assert node.cpu_times.busy_s().keys() == node.topology.ids - {2, 3}
    node.bring_online(frozenset({2, 3}))
    assert node.host.effective_cpus(container.id) == {0, 1, 2, 3}
    with pytest.raises(MadeUpError, match="at least one"):
        node.take_offline(node.topology.ids)


def test_a_killed_container_is_gone_from_every_port(node: MadeUpNode) -> None:
    container = node.container("resnet")
    source = node.latency_source(container)
    node.kill("resnet")
    assert node.host.containers() == ()
    with pytest.raises(ContainerGoneError):
        node.host.apply(container.id, _first(4))
    with pytest.raises(ContainerGoneError):
        node.host.effective_cpus(container.id)
    with pytest.raises(ReadingError, match="stopped"):
        source.read()
    with pytest.raises(MadeUpError, match="resnet"):
        node.container("resnet")
    assert node.true_power_w() == pytest.approx(76.245)


def test_cpusets_outlive_whoever_drives_the_node(tmp_path: Path, start_s: float) -> None:
    first = reference_node(tmp_path, start_s=start_s)
    first.host.apply(first.container("resnet").id, _first(25))
    again = reference_node(tmp_path, start_s=start_s)
    assert again.host.effective_cpus(again.container("resnet").id) == _first(25)
