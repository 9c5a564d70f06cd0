"""What is wrong with nodes, under keys that do not change with the numbers in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.hub.nodes import NodeState
from components.policy.default_bundle import default_bundle
from components.releases.entry import BLOCKED, Release
from components.releases.operations import seed
from components.telemetry.heartbeat import Heartbeat
from components.telemetry.sample import Origin
from flows.telling.findings import PATIENCE_S, findings

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
BEAT = Heartbeat(
    node="n1",
    node_class="c",
    fingerprint="f",
    origin=Origin.SIMULATED,
    time=NOW,
    release=1,
    policy_digest=None,
    mode="auto",
    paused=False,
)


@pytest.fixture
def latest(tmp_path: Path) -> Release:
    return seed(tmp_path, default_bundle(), when=NOW - timedelta(minutes=5)).release


def heard(beat: Heartbeat, *, ago_s: float = 1.0) -> NodeState:
    return NodeState(beat, NOW - timedelta(seconds=ago_s))


def keys(beat: Heartbeat, latest: Release, *, ago_s: float = 1.0) -> list[str]:
    return [finding.key for finding in findings([heard(beat, ago_s=ago_s)], [latest], NOW)]


def test_all_is_well(latest: Release) -> None:
    assert keys(BEAT, latest) == []


def test_a_silent_node_is_only_silent(latest: Release) -> None:
    assert keys(replace(BEAT, health=("x",), release=None), latest, ago_s=60) == ["silent n1"]


def test_a_blocked_bundle_is_told_with_the_next_command(latest: Release) -> None:
    blocked = heard(replace(BEAT, blocked_digests=("b" * 64,)))
    [found] = findings([blocked], [latest], NOW)
    assert "rolled bundle bbbbbbbbbbbb back by itself" in found.message
    assert "joulepilot history --node n1" in found.message
    ended = replace(latest, evidence={BLOCKED: "b" * 64})
    assert findings([blocked], [ended, latest], NOW) == ()  # told of with its canary


def test_the_numbers_in_a_line_of_health_do_not_make_it_another(latest: Release) -> None:
    [first] = keys(replace(BEAT, health=("meter frozen for 31.5 s",)), latest)
    [later] = keys(replace(BEAT, health=("meter frozen for 60 s",)), latest)
    assert first == later


@pytest.mark.parametrize("release", [None, 0])
def test_who_does_not_follow_is_named_after_a_while(latest: Release, release: int | None) -> None:
    behind = replace(BEAT, release=release)
    [found] = findings([heard(behind)], [latest], NOW)
    assert (found.key, found.patience_s) == ("behind n1", PATIENCE_S)
