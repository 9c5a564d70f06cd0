from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.telemetry.errors import EventError
from components.telemetry.events import (
    Event,
    heartbeat_attributes,
    heartbeat_from_attributes,
    sample_attributes,
    sample_from_attributes,
)
from components.telemetry.otlp_in import decode_events
from components.telemetry.otlp_protobuf import record_of, request_of
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
    from components.telemetry.attributes import Attributes, AttributeValue
    from components.telemetry.heartbeat import Heartbeat

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
wholes = st.integers(-(2**63), 2**63 - 1)
moments = st.integers(0, 2**52).map(
    lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
)
samples = st.builds(
    Sample,
    **dict.fromkeys(("node", "node_class", "fingerprint", "job", "container_id"), texts),
    **dict.fromkeys(("image", "model", "variant", "device", "cpuset"), texts),
    **dict.fromkeys(("target_statistic", "mode"), texts),
    origin=st.sampled_from(Origin),
    arm=st.sampled_from(Arm),
    batch_size=wholes,
    n_cpus=wholes,
    window_start=moments,
    window_s=numbers,
    target_ms=numbers,
    layout=st.none() | texts,
    frequency_mhz=st.none() | numbers,
    images=st.none() | wholes,
    latency_p95_ms=st.none() | numbers,
    cpu_utilization=st.none() | st.lists(numbers, max_size=4).map(tuple),
    core_power_w=st.none() | st.lists(numbers, max_size=4).map(tuple),
    power_source=st.none() | st.sampled_from(PowerSource),
    gpu_state=st.none() | texts,
    contended=st.none() | st.booleans(),
    policy_digest=st.none() | texts,
    decision_id=st.none() | texts,
    propensity=st.none() | numbers,
)


def over_protobuf(name: str, attributes: Attributes) -> Attributes:
    body = request_of([record_of(Event(name, attributes))], {"host.name": "n"})
    [event] = decode_events(body, "application/x-protobuf")
    assert event.name == name
    assert event.resource == {"host.name": "n"}
    return event.attributes


def any_value(value: AttributeValue) -> dict[str, object]:
    """Write a value the way OTLP/JSON has it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": key_values(value)}}
    assert isinstance(value, str)
    return {"stringValue": value}


def key_values(attributes: Attributes) -> list[dict[str, object]]:
    return [{"key": name, "value": any_value(value)} for name, value in attributes.items()]


def over_json(name: str, attributes: Attributes) -> Attributes:
    record = {"eventName": name, "attributes": key_values(attributes)}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    [event] = decode_events(json.dumps(body).encode(), "application/json")
    assert event.name == name
    return event.attributes


@given(samples)
def test_a_sample_survives_the_way_over_protobuf(sample: Sample) -> None:
    attributes = over_protobuf(SAMPLE_EVENT, sample_attributes(sample))
    assert sample_from_attributes(attributes) == sample


@given(samples)
@settings(max_examples=50)
def test_a_sample_survives_the_way_over_json(sample: Sample) -> None:
    attributes = over_json(SAMPLE_EVENT, sample_attributes(sample))
    assert sample_from_attributes(attributes) == sample


def test_a_heartbeat_survives_both_ways(heartbeat: Heartbeat) -> None:
    attributes = heartbeat_attributes(heartbeat)
    for way in (over_protobuf, over_json):
        assert heartbeat_from_attributes(way(HEARTBEAT_EVENT, attributes)) == heartbeat


def test_a_heartbeat_of_a_node_without_jobs_survives(heartbeat: Heartbeat) -> None:
    bare = replace(heartbeat, jobs=(), health=(), blocked_digests=(), sweep=None, release=None)
    attributes = over_protobuf(HEARTBEAT_EVENT, heartbeat_attributes(bare))
    assert heartbeat_from_attributes(attributes) == bare


def test_what_was_not_observed_is_left_out(sample: Sample) -> None:
    attributes = sample_attributes(sample)
    assert "gpu_power_w" not in attributes
    assert set(attributes) == {
        field.name for field in fields(sample) if getattr(sample, field.name) is not None
    }


def test_words_of_enumerations_travel_as_plain_text(sample: Sample) -> None:
    assert type(sample_attributes(sample)["arm"]) is str


def test_a_moment_arrives_in_utc_whatever_its_offset(sample: Sample) -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    elsewhere = replace(sample, window_start=sample.window_start.astimezone(there))
    assert sample_attributes(elsewhere)["window_start"] == "2026-05-04T03:02:01.123456+00:00"


def test_a_moment_without_zone_is_not_sent(sample: Sample) -> None:
    naive = replace(sample, window_start=sample.window_start.replace(tzinfo=None))
    with pytest.raises(EventError, match="window_start"):
        sample_attributes(naive)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("n_cpus", "two", "whole number"),
        ("n_cpus", 2.0, "whole number"),
        ("n_cpus", True, "whole number"),
        ("target_ms", float("nan"), "finite"),
        ("target_ms", "7", "finite"),
        ("latency_mean_ms", float("inf"), "left|leave"),
        ("cpu_utilization", 0.5, "array"),
        ("cpu_utilization", (0.5, "x"), "array"),
        ("contended", "yes", "bool"),
        ("window_start", "yesterday", "ISO-8601"),
        ("window_start", "2026-05-04T03:02:01", "offset"),
        ("window_start", 1777863721, "ISO-8601"),
        ("arm", "leg", "policy, probe"),
        ("power_source", "guessed", "modelled"),
        ("node", 5, "text"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_right(
    sample: Sample, name: str, value: AttributeValue, said: str
) -> None:
    with pytest.raises(EventError, match=said) as refused:
        sample_from_attributes(sample_attributes(sample) | {name: value})
    assert name in str(refused.value)
    assert repr(value) in str(refused.value)


@pytest.mark.parametrize(
    "name", ["node", "window_start", "target_ms", "n_cpus", "arm", "origin", "cpuset"]
)
def test_a_missing_field_is_named(sample: Sample, name: str) -> None:
    attributes = sample_attributes(sample)
    del attributes[name]
    with pytest.raises(EventError, match=f"{name} of joulepilot.sample; it is absent"):
        sample_from_attributes(attributes)


def test_a_misspelt_field_is_refused_with_the_nearest(sample: Sample) -> None:
    with pytest.raises(EventError, match="latency_p95_ms"):
        sample_from_attributes(sample_attributes(sample) | {"latency_p95": 1.0})


def test_namespaced_attributes_of_collectors_are_let_pass(sample: Sample) -> None:
    attributes = sample_attributes(sample) | {"k8s.pod.name": "p"}
    assert sample_from_attributes(attributes) == sample


def test_a_whole_number_will_do_where_a_number_is_asked_for(sample: Sample) -> None:
    read = sample_from_attributes(sample_attributes(sample) | {"target_ms": 7})
    assert type(read.target_ms) is float


def test_a_wrong_field_of_a_job_in_a_heartbeat_is_named(heartbeat: Heartbeat) -> None:
    attributes = heartbeat_attributes(heartbeat)
    jobs = attributes["jobs"]
    assert isinstance(jobs, tuple)
    assert isinstance(jobs[1], dict)
    jobs[1]["n_cpus"] = "many"
    with pytest.raises(EventError, match=r"n_cpus of joulepilot.heartbeat jobs\[1\]"):
        heartbeat_from_attributes(attributes)


@given(st.sampled_from(SAMPLE_FIELDS), st.integers() | st.booleans() | numbers | texts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_field_holds_it_is_read_or_refused_by_name(
    sample: Sample, name: str, value: AttributeValue
) -> None:
    said = name
    try:
        sample_from_attributes(sample_attributes(sample) | {name: value})
    except EventError as refused:
        said = str(refused)
    assert name in said
