"""Rings, and who follows a change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.hub.nodes import NodeState
from components.releases.desired import Desired, Ring
from components.telemetry.heartbeat import Heartbeat
from components.telemetry.sample import Origin
from flows.errors import BlockedError, NoCanaryError, RingError
from flows.rollout import changes, confirmation, require_not_blocked, ring_nodes, stages_of

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
OLD, NEW = "a" * 64, "b" * 64


def beat(node: str, release: int | None = 1) -> Heartbeat:
    return Heartbeat(
        node=node,
        node_class="c",
        fingerprint="f",
        origin=Origin.SIMULATED,
        time=NOW,
        release=release,
        policy_digest=OLD,
        mode="auto",
        paused=False,
    )


def heard(heartbeat: Heartbeat, *, ago_s: float = 1.0) -> NodeState:
    return NodeState(heartbeat, NOW - timedelta(seconds=ago_s))


FLEET = [heard(beat(f"n{number:02d}")) for number in range(20)]


def test_nodes_behind_and_silent_ones_are_named() -> None:
    states = [heard(beat("n1", 7)), heard(beat("n2", 6)), heard(beat("n3", 6), ago_s=60)]
    found = confirmation(states, 7, NOW)
    assert found.sentence == "1 of 2 nodes run release 7; not: n2; silent: n3"
    assert not found.is_complete


def test_a_node_that_took_a_later_entry_follows_too() -> None:
    assert confirmation([heard(beat("n1", 8))], 7, NOW).is_complete


def test_a_silent_node_keeps_nobody_waiting() -> None:
    assert confirmation([heard(beat("n1", 7)), heard(beat("n3"), ago_s=60)], 7, NOW).is_complete


@given(st.integers(1, 99), st.integers(1, 99))
def test_a_wider_ring_holds_the_narrower(one: int, other: int) -> None:
    narrow, wide = sorted((one, other))
    first = ring_nodes(f"{narrow}%", FLEET, NEW, NOW)
    assert set(first) <= set(ring_nodes(f"{wide}%", FLEET, NEW, NOW))
    assert len(first) == -(-20 * narrow // 100)


def test_one_node_is_drawn_by_the_bundle() -> None:
    drawn = {ring_nodes("one", FLEET, letter * 64, NOW) for letter in "0123456789abcdef"}
    assert all(len(ring) == 1 for ring in drawn)
    assert len(drawn) > 3


def test_silent_nodes_are_in_no_share() -> None:
    states = [heard(beat("up")), heard(beat("down"), ago_s=60)]
    assert ring_nodes("100%", states, NEW, NOW) == ("up",)


@pytest.mark.parametrize("ring", ["one", "10%"])
def test_a_ring_without_nodes_is_refused(ring: str) -> None:
    with pytest.raises(RingError, match="0 nodes are up"):
        ring_nodes(ring, [], NEW, NOW)


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(RingError):
        ring_nodes("0%", FLEET, NEW, NOW)


def test_all_and_patterns_are_left_to_the_log() -> None:
    assert ring_nodes("all", [], NEW, NOW) == ("*",)
    assert ring_nodes("rack1-*", [], NEW, NOW) == ("rack1-*",)


def test_what_a_node_blocked_is_not_promoted() -> None:
    blocked = heard(replace(beat("n2"), blocked_digests=(NEW,)))
    with pytest.raises(BlockedError, match="n2 rolled it back"):
        require_not_blocked([*FLEET, blocked], NEW)
    require_not_blocked([*FLEET, blocked], OLD)


def test_a_change_tells_what_each_node_runs_and_would_run() -> None:
    rings = (Ring(("n01",), {"core-allocator": NEW}), Ring(("*",), {"core-allocator": OLD}))
    found = {row.node: row for row in changes(FLEET, Desired(rings), NOW)}
    assert (found["n01"].before, found["n01"].after) == (OLD, NEW)
    assert found["n02"].after == OLD


def test_a_device_classifier_has_no_canary_and_that_is_said() -> None:
    assert stages_of("rings", "core-allocator") == ("one", "10%", "all")
    assert stages_of("all", "device-classifier") == ("all",)
    for rollout in ("canary", "rings"):
        with pytest.raises(NoCanaryError, match="promote it everywhere"):
            stages_of(rollout, "device-classifier")
