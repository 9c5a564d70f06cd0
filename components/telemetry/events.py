"""Samples and heartbeats as named events with attributes, and back.

A field that is None is left out; moments are ISO-8601 text in UTC; lists are arrays; the jobs and
the sweep of a heartbeat are key-value lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from components.telemetry.attributes import AttributeReader
from components.telemetry.errors import EventError
from components.telemetry.heartbeat import (
    CalibrationStatus,
    ExperimentStatus,
    Heartbeat,
    JobStatus,
    SweepStatus,
)
from components.telemetry.sample import (
    HEARTBEAT_EVENT,
    SAMPLE_EVENT,
    SAMPLE_FIELDS,
    Arm,
    Origin,
    PowerSource,
    Sample,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.telemetry.attributes import Attributes, AttributeValue

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KNOWN_EVENTS = frozenset({SAMPLE_EVENT, HEARTBEAT_EVENT})
_Part = JobStatus | SweepStatus | ExperimentStatus | CalibrationStatus


@dataclass(frozen=True, slots=True)
class Event:
    """One OTLP log record, whatever its name."""

    name: str
    """Empty when the sender gave none."""
    attributes: Attributes
    time: datetime | None = None
    """When it happened, UTC, by the sender's clock."""
    observed_time: datetime | None = None
    """When it was handed to OTLP, UTC, by the sender's clock."""
    resource: Attributes = field(default_factory=dict)
    """Attributes of whoever sent it."""


def moment(unix_nano: int) -> datetime | None:
    """Read a time of OTLP, UTC to the microsecond; 0 is "not known".

    Raises:
        EventError: it is negative, or beyond what 64 bits hold.
    """
    if not 0 <= unix_nano < 2**64:
        raise EventError(
            "asked to read the time of an event",
            f"it is {unix_nano}",
            "give nanoseconds since 1970 in 64 bits",
        )
    return EPOCH + timedelta(microseconds=unix_nano // 1000) if unix_nano else None


def sample_attributes(sample: Sample) -> Attributes:
    """Lay a sample out as attributes.

    Raises:
        EventError: a moment has no time zone.
    """
    return _attributes_of(sample)


def heartbeat_attributes(heartbeat: Heartbeat) -> Attributes:
    """Lay a heartbeat out as attributes.

    Raises:
        EventError: a moment has no time zone.
    """
    return _attributes_of(heartbeat)


def sample_from_attributes(attributes: Mapping[str, AttributeValue]) -> Sample:
    """Read a sample, strictly.

    Raises:
        EventError: a field is absent, of another kind, not finite, or not of the contract.
    """
    read = AttributeReader(SAMPLE_EVENT, attributes)
    read.only(SAMPLE_FIELDS)
    return Sample(
        node=read.text("node"),
        node_class=read.text("node_class"),
        fingerprint=read.text("fingerprint"),
        origin=read.choice(Origin, "origin"),
        job=read.text("job"),
        container_id=read.text("container_id"),
        image=read.text("image"),
        model=read.text("model"),
        variant=read.text("variant"),
        device=read.text("device"),
        batch_size=read.whole("batch_size"),
        window_start=read.instant("window_start"),
        window_s=read.number("window_s"),
        cpuset=read.text("cpuset"),
        n_cpus=read.whole("n_cpus"),
        layout=read.maybe(read.text, "layout"),
        frequency_mhz=read.maybe(read.number, "frequency_mhz"),
        offered_rate_per_s=read.maybe(read.number, "offered_rate_per_s"),
        served_rate_per_s=read.maybe(read.number, "served_rate_per_s"),
        images=read.maybe(read.whole, "images"),
        latency_mean_ms=read.maybe(read.number, "latency_mean_ms"),
        latency_p50_ms=read.maybe(read.number, "latency_p50_ms"),
        latency_p95_ms=read.maybe(read.number, "latency_p95_ms"),
        latency_p99_ms=read.maybe(read.number, "latency_p99_ms"),
        cpu_utilization=read.maybe(read.numbers, "cpu_utilization"),
        node_power_w=read.maybe(read.number, "node_power_w"),
        job_power_w=read.maybe(read.number, "job_power_w"),
        core_power_w=read.maybe(read.numbers, "core_power_w"),
        power_source=read.maybe(lambda name: read.choice(PowerSource, name), "power_source"),
        gpu_utilization=read.maybe(read.number, "gpu_utilization"),
        gpu_power_w=read.maybe(read.number, "gpu_power_w"),
        gpu_state=read.maybe(read.text, "gpu_state"),
        contended=read.maybe(read.flag, "contended"),
        target_ms=read.number("target_ms"),
        target_statistic=read.text("target_statistic"),
        arm=read.choice(Arm, "arm"),
        mode=read.text("mode"),
        policy_digest=read.maybe(read.text, "policy_digest"),
        decision_id=read.maybe(read.text, "decision_id"),
        propensity=read.maybe(read.number, "propensity"),
    )


def heartbeat_from_attributes(attributes: Mapping[str, AttributeValue]) -> Heartbeat:
    """Read a heartbeat; fields of a newer sender are let pass, as status must survive an update.

    Raises:
        EventError: a field is absent or of another kind.
    """
    read = AttributeReader(HEARTBEAT_EVENT, attributes)
    sweep = read.maybe(read.nested, "sweep")
    experiment = read.maybe(read.nested, "experiment")
    return Heartbeat(
        node=read.text("node"),
        node_class=read.text("node_class"),
        fingerprint=read.text("fingerprint"),
        origin=read.choice(Origin, "origin"),
        time=read.instant("time"),
        release=read.maybe(read.whole, "release"),
        policy_digest=read.maybe(read.text, "policy_digest"),
        topology=read.maybe(read.text, "topology"),
        device_digest=read.maybe(read.text, "device_digest"),
        mode=read.text("mode"),
        paused=read.flag("paused"),
        blocked_digests=read.texts("blocked_digests"),
        health=read.texts("health"),
        node_power_w=read.maybe(read.number, "node_power_w"),
        power_source=read.maybe(read.text, "power_source"),
        sweep=None if sweep is None else _sweep(sweep),
        experiment=None if experiment is None else _experiment(experiment),
        calibration=tuple(map(_calibration, read.nested_list("calibration"))),
        jobs=tuple(_job(job) for job in read.nested_list("jobs")),
    )


def _job(read: AttributeReader) -> JobStatus:
    return JobStatus(
        name=read.text("name"),
        mode=read.text("mode"),
        arm=read.text("arm"),
        target_ms=read.number("target_ms"),
        target_statistic=read.text("target_statistic"),
        latency_ms=read.maybe(read.number, "latency_ms"),
        cpuset=read.text("cpuset"),
        n_cpus=read.whole("n_cpus"),
        layout=read.maybe(read.text, "layout"),
        state=read.text("state"),
        wanted=read.maybe(read.text, "wanted"),
        reason=read.maybe(read.text, "reason"),
        device=read.maybe(read.text, "device"),
        device_reason=read.maybe(read.text, "device_reason"),
    )


def _sweep(read: AttributeReader) -> SweepStatus:
    return SweepStatus(
        sequence=read.whole("sequence"),
        done=read.whole("done"),
        total=read.whole("total"),
        state=read.text("state"),
        reason=read.maybe(read.text, "reason"),
    )


def _experiment(read: AttributeReader) -> ExperimentStatus:
    return ExperimentStatus(
        kind=read.text("kind"),
        digest=read.maybe(read.text, "digest"),
        state=read.text("state"),
        n_pairs=read.whole("n_pairs"),
        energy_ratio=read.maybe(read.number, "energy_ratio"),
        reason=read.text("reason"),
    )


def _calibration(read: AttributeReader) -> CalibrationStatus:
    return CalibrationStatus(
        role=read.text("role"),
        digest=read.text("digest"),
        n=read.whole("n"),
        mean_log_error=read.maybe(read.number, "mean_log_error"),
        median_abs_log_error=read.maybe(read.number, "median_abs_log_error"),
        share_within_2_sigma=read.maybe(read.number, "share_within_2_sigma"),
    )


def _attributes_of(record: Sample | Heartbeat | _Part) -> Attributes:
    values = ((f.name, getattr(record, f.name)) for f in fields(record))
    return {name: _attribute(name, value) for name, value in values if value is not None}


def _attribute(name: str, value: object) -> AttributeValue:
    if isinstance(value, str):  # also the words of our enumerations, which protobuf wants plain
        return str(value)
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, datetime):
        return _utc_text(name, value)
    if isinstance(value, tuple):
        return tuple(_attribute(name, item) for item in value)
    if isinstance(value, (Heartbeat, Sample, _Part)):
        return _attributes_of(value)
    raise EventError(
        f"asked to send {name}", f"it is a {type(value).__name__}", "give a field of the contract"
    )


def _utc_text(name: str, moment: datetime) -> str:
    if moment.tzinfo is None:
        raise EventError(f"asked to send {name}", f"{moment} has no time zone", "give it in UTC")
    return moment.astimezone(UTC).isoformat()
