"""Learning knows a node class by what its nodes told, not by its name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.hub.nodes import NODES, NodeBook
from components.node.topology import grid_topology
from components.node.topology_text import topology_text
from components.telemetry.heartbeat import Heartbeat
from components.telemetry.sample import Origin
from flows.known_topologies import known_topologies
from models.allocator.node_classes import topology_of_class

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ONE_CACHE_A_SOCKET = grid_topology(sockets=2, l3_per_socket=1, cores_per_l3=16, threads_per_core=1)
BEAT = Heartbeat(
    node="n1",
    node_class="xeon-2s32c32t-1",
    fingerprint="f",
    origin=Origin.RECORDED,
    time=NOW,
    release=1,
    policy_digest=None,
    mode="auto",
    paused=False,
    topology=topology_text(ONE_CACHE_A_SOCKET),
)


def hear(home: Path, *beats: Heartbeat) -> None:
    book = NodeBook(home / NODES, max_nodes=10)
    book.heard(beats, NOW)
    book.save()


def test_a_class_is_known_as_its_nodes_told_it(tmp_path: Path) -> None:
    hear(tmp_path, BEAT, replace(BEAT, node="n2", node_class="silent", topology=None))
    known = known_topologies(tmp_path)
    assert set(known) == {BEAT.node_class}
    n_caches = len({cpu.l3 for cpu in known[BEAT.node_class].cpus})
    assert n_caches == 2
    assert len({cpu.l3 for cpu in topology_of_class(BEAT.node_class).cpus}) == 4  # by its name


def test_without_a_hub_nothing_is_known(tmp_path: Path) -> None:
    assert known_topologies(tmp_path) == {}


def test_what_cannot_be_read_is_said_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hear(tmp_path, replace(BEAT, topology="0 0"), replace(BEAT, node="n2", node_class="other"))
    assert set(known_topologies(tmp_path)) == {"other"}
    assert "n1" in caplog.text
    (tmp_path / NODES).write_text("{")
    assert known_topologies(tmp_path) == {}
    assert "by the names" in caplog.text
