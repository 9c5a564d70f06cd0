from __future__ import annotations

import gzip
import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.telemetry.errors import EventError, EventSizeError, EventTypeError
from components.telemetry.events import Event
from components.telemetry.otlp_in import decode_events
from components.telemetry.otlp_protobuf import record_of, request_of

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
EVENTS = (
    Event("joulepilot.sample", {"n": 1}, datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=UTC)),
    Event("other", {"deep": ({"x": 1.5, "y": ("a", b"\x00\xff")},), "flag": False}),
)
BODY = request_of(map(record_of, EVENTS), {"host.name": "edge-01"})


def as_json(record: object) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()


def test_events_of_any_name_are_read_in_order() -> None:
    read = decode_events(BODY, PROTOBUF)
    assert [event.name for event in read] == ["joulepilot.sample", "other"]
    assert read[0].time == EVENTS[0].time
    assert read[1].attributes == EVENTS[1].attributes
    assert read[1].time is None
    assert read[0].resource == {"host.name": "edge-01"}


def test_gzip_and_parameters_of_the_type_are_understood() -> None:
    packed = gzip.compress(BODY)
    assert decode_events(packed, "Application/X-Protobuf; v=1", "GZIP") == decode_events(
        BODY, PROTOBUF
    )


def test_json_takes_integers_as_text_and_as_number() -> None:
    record = {
        "timeUnixNano": "1767225600000007000",
        "observedTimeUnixNano": 1767225600000007000,
        "eventName": "e",
        "traceId": "5b8efff798038103d269b633813fc60c",
        "attributes": [
            {"key": "a", "value": {"intValue": "9007199254740993"}},
            {"key": "b", "value": {"intValue": 3}},
            {"key": "c", "value": {"bytesValue": "AP8="}},
            {"key": "d", "value": {"doubleValue": "NaN"}},
            {"key": "gone", "value": {}},
        ],
    }
    [event] = decode_events(as_json(record), f"{JSON}; charset=utf-8")
    assert event.time == event.observed_time == datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=UTC)
    not_a_number = event.attributes.pop("d")
    assert isinstance(not_a_number, float)
    assert math.isnan(not_a_number)
    assert event.attributes == {"a": 9007199254740993, "b": 3, "c": b"\x00\xff"}


def test_the_name_may_come_as_an_attribute_as_older_senders_have_it() -> None:
    old = [{"key": "event.name", "value": {"stringValue": "joulepilot.sample"}}]
    [event] = decode_events(as_json({"attributes": old}), JSON)
    assert event.name == "joulepilot.sample"
    assert event.attributes == {}
    record = record_of(Event("", {"event.name": "joulepilot.sample"}))
    assert decode_events(request_of([record], {}), PROTOBUF)[0].name == "joulepilot.sample"


def test_an_empty_export_holds_no_event() -> None:
    assert decode_events(b"", PROTOBUF) == ()
    assert decode_events(b"{}", JSON) == ()
    assert decode_events(b'{"resourceLogs": [{"scopeLogs": null}]}', JSON) == ()


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-protobuff"])
def test_another_type_is_refused_by_name(content_type: str) -> None:
    with pytest.raises(EventTypeError, match="Content-Type is"):
        decode_events(BODY, content_type)


def test_another_encoding_is_refused_by_name() -> None:
    with pytest.raises(EventTypeError, match="'br'"):
        decode_events(BODY, PROTOBUF, "br")


def test_a_gzip_bomb_is_refused_without_being_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(EventSizeError, match="larger than 1000000 bytes"):
        decode_events(bomb, PROTOBUF, "gzip", max_bytes=1_000_000)


def test_a_plain_body_is_bounded_too() -> None:
    with pytest.raises(EventSizeError):
        decode_events(BODY, PROTOBUF, max_bytes=len(BODY) - 1)
    assert decode_events(BODY, PROTOBUF, max_bytes=len(BODY))


def test_a_body_of_very_many_records_is_refused_before_they_are_made() -> None:
    with pytest.raises(EventSizeError, match="records"):
        decode_events(request_of([b""] * 20_000, {}), PROTOBUF)


@pytest.mark.parametrize(
    "damaged",
    [BODY[:-3], b"\xff" + BODY, gzip.compress(BODY), b"hello"],
    ids=["cut", "shifted", "gzip not declared", "text"],
)
def test_a_damaged_protobuf_is_refused(damaged: bytes) -> None:
    with pytest.raises(EventError, match=f"{len(damaged)} bytes"):
        decode_events(damaged, PROTOBUF)


@pytest.mark.parametrize(
    "damaged",
    [BODY, gzip.compress(BODY)[:-4], gzip.compress(BODY) + b"x", b""],
    ids=["plain", "cut", "longer", "empty"],
)
def test_a_damaged_gzip_is_refused(damaged: bytes) -> None:
    with pytest.raises(EventError, match="no whole gzip"):
        decode_events(damaged, PROTOBUF, "gzip")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"resourceLogs": 5}',
        b'{"resourceLogs": [5]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": ["x"]}]}]}',
        as_json({"eventName": 5}),
        as_json({"timeUnixNano": "soon"}),
        as_json({"timeUnixNano": -5}),
        as_json({"timeUnixNano": 10**30}),
        as_json({"attributes": [{"key": 5}]}),
        as_json({"attributes": [{"key": "a", "value": 5}]}),
        as_json({"attributes": [{"key": "a", "value": {"intValue": 1.5}}]}),
        as_json({"attributes": [{"key": "a", "value": {"intValue": "x"}}]}),
        as_json({"attributes": [{"key": "a", "value": {"boolValue": 1}}]}),
        as_json({"attributes": [{"key": "a", "value": {"doubleValue": True}}]}),
        as_json({"attributes": [{"key": "a", "value": {"bytesValue": "%"}}]}),
        as_json({"attributes": [{"key": "a", "value": {"intValue": 1, "boolValue": True}}]}),
        as_json({"attributes": [{"key": "a", "value": {"arrayValue": {"values": [{}]}}}]}),
        as_json({"attributes": [{"key": "a", "value": {"intValue": 1}}] * 2}),
    ],
)
def test_a_damaged_json_is_refused(body: bytes) -> None:
    with pytest.raises(EventError):
        decode_events(body, JSON)


def test_values_nested_very_deep_are_refused() -> None:
    value: dict[str, object] = {"intValue": 1}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(EventError, match="deep"):
        decode_events(as_json({"attributes": [{"key": "a", "value": value}]}), JSON)


@given(st.binary(max_size=200), st.sampled_from([PROTOBUF, JSON]), st.sampled_from([None, "gzip"]))
def test_whatever_comes_it_is_read_or_refused(body: bytes, kind: str, encoding: str | None) -> None:
    try:
        decode_events(body, kind, encoding)
    except EventError:
        return


@given(st.integers(0, len(BODY) - 1), st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused(position: int, byte: int) -> None:
    flipped = bytes([*BODY[:position], byte, *BODY[position + 1 :]])
    try:
        decode_events(flipped, PROTOBUF)
    except EventError:
        return


def test_a_number_beyond_64_bits_is_not_sent() -> None:
    with pytest.raises(EventError, match="64 bits"):
        record_of(Event("e", {"n": 2**63}))


def test_text_that_is_no_unicode_is_not_sent() -> None:
    with pytest.raises(EventError, match="Unicode"):
        record_of(Event("e", {"n": "\ud800"}))
