from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.hub.nodes import NodeState
from components.policy.default_bundle import default_bundle
from components.releases.entry import Release
from components.releases.operations import seed
from components.telemetry.heartbeat import Heartbeat, JobStatus
from components.telemetry.sample import Origin
from flows.node_table import following, node_rows

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
JOB = JobStatus(
    name="resnet",
    mode="auto",
    arm="policy",
    target_ms=7.0,
    target_statistic="p95",
    latency_ms=6.8,
    cpuset="0-24",
    n_cpus=25,
    layout="compact",
    state="settled",
)
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
    node_power_w=215.9,
    power_source="modelled",
    jobs=(JOB,),
)


@pytest.fixture
def latest(tmp_path: Path) -> Release:
    return seed(tmp_path, default_bundle()).release


def heard(beat: Heartbeat, *, ago_s: float = 1.0) -> NodeState:
    return NodeState(beat, NOW - timedelta(seconds=ago_s))


def test_all_nodes_that_took_the_last_entry_are_counted(latest: Release) -> None:
    states = [heard(BEAT), heard(replace(BEAT, node="n2"))]
    assert following(states, latest, NOW).sentence == "2 of 2 nodes run release 1"


@pytest.mark.parametrize(
    "other",
    [heard(replace(BEAT, node="n2"), ago_s=60), heard(replace(BEAT, node="n2", release=None))],
)
def test_a_node_that_is_silent_or_behind_is_named(latest: Release, other: NodeState) -> None:
    follow = following([heard(BEAT), other], latest, NOW)
    assert follow.behind == ("n2",)
    assert "1 of 2" in follow.sentence


def test_no_node_is_not_all_nodes(latest: Release) -> None:
    assert following([], latest, NOW).sentence == "no node was heard of yet"


def test_what_was_not_observed_is_a_dash_and_never_a_number() -> None:
    silent_job = replace(JOB, latency_ms=None)
    (row,) = node_rows(heard(replace(BEAT, jobs=(silent_job,), node_power_w=None)), NOW)
    assert row[5] == "-"
    assert row[-1] == "-"


@pytest.mark.parametrize(
    ("origin", "power"),
    [(Origin.RECORDED, "215.9 W modelled"), (Origin.SIMULATED, "215.9 W modelled, simulated")],
)
def test_power_is_shown_with_its_source(origin: Origin, power: str) -> None:
    (row,) = node_rows(heard(replace(BEAT, origin=origin)), NOW)
    assert row[-1] == power
