"""Rows damaged on purpose, sent the way every sample is sent: the checks must see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from components.telemetry.otlp_out import EventPublisher
from components.telemetry.sample import Arm, Origin, PowerSource, Sample
from flows.errors import DemoError

if TYPE_CHECKING:
    from pathlib import Path

NODE = "damaged-on-purpose"


def damaged_samples(now: datetime) -> dict[str, Sample]:
    """Make samples with one fault each, by what is wrong with them."""
    start = now - timedelta(seconds=20)
    sound = Sample(
        node=NODE,
        node_class="made-up-1s2c2t",
        fingerprint="made-up",
        origin=Origin.SIMULATED,
        job="resnet",
        container_id="none",
        image="simulated/resnet",
        model="resnet",
        variant="default",
        device="cpu",
        batch_size=1,
        window_start=start,
        window_s=10.0,
        cpuset="0-1",
        n_cpus=2,
        layout="compact",
        offered_rate_per_s=20.0,
        served_rate_per_s=20.0,
        images=200,
        latency_mean_ms=6.0,
        latency_p50_ms=5.5,
        latency_p95_ms=9.0,
        latency_p99_ms=12.0,
        cpu_utilization=(0.1, 0.1),
        node_power_w=40.0,
        power_source=PowerSource.MEASURED,
        target_ms=7.0,
        target_statistic="mean",
        arm=Arm.SWEEP,
        mode="recommend",
    )
    faults = {
        "a latency below zero": replace(sound, latency_mean_ms=-6.0),
        "a meter that reads 0 W": replace(sound, node_power_w=0.0),
        "a utilization of 35 where 1 is all": replace(sound, cpu_utilization=(35.0, 0.1)),
        "more CPUs named than counted": replace(sound, cpuset="0-3"),
        "p50 above p99": replace(sound, latency_p50_ms=50.0),
    }
    return {
        fault: replace(sample, window_start=start + timedelta(milliseconds=number))
        for number, (fault, sample) in enumerate(faults.items())
    }


def send_damaged_samples(hub_url: str, buffer: Path) -> tuple[str, ...]:
    """Send them to the hub and return what is wrong with each."""
    samples = damaged_samples(datetime.now(UTC))
    publisher = EventPublisher(hub_url, buffer=buffer, resource={"host.name": NODE})
    for sample in samples.values():
        publisher.sample(sample)
    publisher.close()
    if publisher.stats.n_waiting:
        raise DemoError(
            f"asked to send {len(samples)} rows to {hub_url}",
            f"{publisher.stats.n_waiting} still wait: {publisher.stats.last_trouble}",
            "see the hub's log",
        )
    return tuple(samples)
