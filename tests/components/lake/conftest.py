"""Samples, and how they come into a spool."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from components.hub.spool import Spool
from components.lake.lake import Lake
from components.telemetry.events import Event, sample_attributes
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import SAMPLE_EVENT, Arm, Origin, PowerSource, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

START = datetime(2026, 5, 4, 3, 2, 1, 250_003, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", min_free_bytes=0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def sample() -> Callable[..., Sample]:
    """Make the i-th window of a job, with fields changed as asked."""

    def make(i: int = 0, **changes: Any) -> Sample:
        made = Sample(
            node="node-a",
            node_class="amd-4c",
            fingerprint="f00d",
            origin=Origin.RECORDED,
            job="resnet",
            container_id="c1",
            image="server@1234",
            model="resnet18",
            variant="default",
            device="cpu",
            batch_size=1,
            window_start=START + timedelta(seconds=10 * i),
            window_s=10.0,
            cpuset="0-1",
            n_cpus=2,
            layout="compact",
            offered_rate_per_s=50.0,
            served_rate_per_s=50.0,
            images=500,
            latency_mean_ms=7.25,
            latency_p95_ms=9.5,
            cpu_utilization=(0.5, 0.25, 0.125, 0.0),
            node_power_w=80.0 + i,
            power_source=PowerSource.MODELLED,
            target_ms=7.0,
            target_statistic="mean",
            arm=Arm.SWEEP,
            mode="auto",
        )
        return replace(made, **changes)

    return make


@pytest.fixture
def body() -> Callable[[Sequence[Sample | Event]], bytes]:
    """Make a protobuf body of samples, or of events as they are."""

    def make(items: Sequence[Sample | Event]) -> bytes:
        records = [record_of(_event(item)) for item in items]
        return request_of(records, {"host.name": "node-a"})

    return make


def _event(item: Sample | Event) -> Event:
    if isinstance(item, Event):
        return item
    end = item.window_start + timedelta(seconds=item.window_s)
    return Event(SAMPLE_EVENT, sample_attributes(item), end)
