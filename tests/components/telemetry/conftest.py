"""A sample and a heartbeat to vary."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from components.telemetry.heartbeat import Heartbeat, JobStatus, SweepStatus
from components.telemetry.sample import Arm, Origin, PowerSource, Sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.hub.server import HubServer

START = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)


@pytest.fixture
def sample() -> Sample:
    return Sample(
        node="edge-01",
        node_class="c-1",
        fingerprint="f-1",
        origin=Origin.RECORDED,
        job="resnet",
        container_id="abc",
        image="resnet18:1",
        model="resnet18",
        variant="default",
        device="cpu",
        batch_size=1,
        window_start=START,
        window_s=10.0,
        cpuset="0-1",
        n_cpus=2,
        layout="compact",
        images=1200,
        latency_mean_ms=5.5,
        cpu_utilization=(0.25, 1.0, 0.0, 0.0),
        node_power_w=31.5,
        power_source=PowerSource.MODELLED,
        contended=False,
        target_ms=7.0,
        target_statistic="p95",
        arm=Arm.PROBE,
        mode="auto",
    )


@pytest.fixture
def heartbeat() -> Heartbeat:
    job = JobStatus(
        name="resnet",
        mode="auto",
        arm="policy",
        target_ms=7.0,
        target_statistic="p95",
        latency_ms=None,
        cpuset="0-1",
        n_cpus=2,
        layout=None,
        state="searching",
    )
    return Heartbeat(
        node="edge-01",
        node_class="c-1",
        fingerprint="f-1",
        origin=Origin.SIMULATED,
        time=START,
        release=3,
        policy_digest="ab" * 32,
        mode="auto",
        paused=False,
        blocked_digests=("cd" * 32,),
        health=("Docker does not answer",),
        node_power_w=40.5,
        power_source="modelled",
        sweep=SweepStatus(sequence=3, done=1, total=8, state="running"),
        jobs=(job, job),
    )


@pytest.fixture
def hub_at(tmp_path: Path) -> Callable[[int], HubServer]:
    """Make a hub with a home of this test's own; port 0 is any free one."""
    from components.hub.server import HubServer

    return lambda port: HubServer(tmp_path / "home", "127.0.0.1", port)
