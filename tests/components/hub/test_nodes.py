from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from components.hub.nodes import NodeBook, NodeState, nodes_from_json, nodes_to_json
from components.telemetry.errors import EventError

if TYPE_CHECKING:
    from pathlib import Path

    from components.telemetry.heartbeat import Heartbeat

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_only_the_last_heartbeat_of_a_node_is_kept(tmp_path: Path, heartbeat: Heartbeat) -> None:
    book = NodeBook(tmp_path / "nodes.json", max_nodes=10)
    book.heard([heartbeat, replace(heartbeat, node="a")], NOW)
    book.heard([replace(heartbeat, release=9)], NOW + timedelta(seconds=2))
    assert [state.heartbeat.node for state in book.nodes()] == ["a", "edge-01"]
    assert book.nodes()[1].heartbeat.release == 9
    assert book.nodes()[1].age_s(NOW + timedelta(seconds=5)) == 3


def test_heartbeats_outlive_a_restart(tmp_path: Path, heartbeat: Heartbeat) -> None:
    book = NodeBook(tmp_path / "hub/nodes.json", max_nodes=10)
    book.heard([heartbeat], NOW)
    book.save()
    assert NodeBook(tmp_path / "hub/nodes.json", max_nodes=10).nodes() == (
        NodeState(heartbeat, NOW),
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nodes": [{}]}', '{"nodes": null}'])
def test_a_damaged_file_is_set_aside_and_the_hub_starts(
    tmp_path: Path, heartbeat: Heartbeat, text: str
) -> None:
    file = tmp_path / "nodes.json"
    file.write_text(text)
    book = NodeBook(file, max_nodes=10)
    assert book.nodes() == ()
    assert (tmp_path / "nodes.json.damaged").read_text() == text
    book.heard([heartbeat], NOW)
    assert NodeBook(file, max_nodes=10).nodes() == book.nodes()


def test_a_file_that_cannot_be_written_stops_nothing(
    tmp_path: Path, heartbeat: Heartbeat, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hub").write_text("a file")
    book = NodeBook(tmp_path / "hub/nodes.json", max_nodes=10)
    book.heard([heartbeat], NOW)
    assert len(book.nodes()) == 1
    assert "not kept" in caplog.text


def test_beyond_the_bound_the_one_silent_longest_is_forgotten(
    tmp_path: Path, heartbeat: Heartbeat
) -> None:
    book = NodeBook(tmp_path / "nodes.json", max_nodes=2)
    for second, node in enumerate("abcb"):
        book.heard([replace(heartbeat, node=node)], NOW + timedelta(seconds=second))
    assert [state.heartbeat.node for state in book.nodes()] == ["b", "c"]


def test_the_listing_survives_the_way_over_json(heartbeat: Heartbeat) -> None:
    states = (NodeState(heartbeat, NOW), NodeState(replace(heartbeat, jobs=(), node="z"), NOW))
    assert nodes_from_json(nodes_to_json(states, NOW)) == states


@pytest.mark.parametrize("text", ["x", "5", '{"nodes": 5}', '{"nodes": [{"received": null}]}'])
def test_another_listing_is_refused(text: str) -> None:
    with pytest.raises(EventError):
        nodes_from_json(text)


def test_an_age_is_never_below_zero(heartbeat: Heartbeat) -> None:
    assert NodeState(heartbeat, NOW).age_s(NOW - timedelta(hours=1)) == 0.0
