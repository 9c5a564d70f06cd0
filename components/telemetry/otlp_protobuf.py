"""Events to and from OTLP's protobuf messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from components.telemetry.attributes import collect
from components.telemetry.errors import EventError, EventSizeError
from components.telemetry.events import EPOCH, Event, moment
from components.telemetry.wire import parse_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from components.telemetry.attributes import Attributes, AttributeValue

SCOPE = "joulepilot"
MAX_RECORDS = 10_000
"""Records of one body; empty ones take two bytes sent and hundreds in memory."""


def events_of_protobuf(body: bytes) -> tuple[Event, ...]:
    """Read all events of an export request, in order.

    Raises:
        EventSizeError: it has more than MAX_RECORDS.
        EventError: it is damaged.
    """
    groups = parse_request(body).resource_logs
    n_records = sum(len(scope.log_records) for group in groups for scope in group.scope_logs)
    if n_records > MAX_RECORDS:
        raise EventSizeError(
            "asked to read an OTLP body",
            f"it has {n_records} records",
            f"send at most {MAX_RECORDS} in one body",
        )
    return tuple(
        _event(record, resource)
        for group in groups
        for resource in (_attributes(group.resource.attributes),)
        for scope in group.scope_logs
        for record in scope.log_records
    )


def record_of(event: Event) -> bytes:
    """Write one event as a serialised log record; its resource is left to the request.

    Raises:
        EventError: a text is no Unicode, or a whole number does not fit 64 bits.
    """
    try:
        record = LogRecord(
            event_name=event.name,
            time_unix_nano=_nanoseconds(event.time),
            observed_time_unix_nano=_nanoseconds(event.observed_time),
            attributes=_key_values(event.attributes),
        )
    except ValueError as error:  # protobuf's own refusals, UnicodeEncodeError among them
        raise EventError(
            f"asked to write an event {event.name}",
            f"a value does not fit OTLP: {error}",
            "give Unicode text and whole numbers of 64 bits",
        ) from error
    return bytes(record.SerializeToString())


def request_of(records: Iterable[bytes], resource: Mapping[str, str]) -> bytes:
    """Join serialised log records to one export request of one resource."""
    parsed = []
    for record in records:
        message = LogRecord()
        message.ParseFromString(record)
        parsed.append(message)
    scope = ScopeLogs(scope=InstrumentationScope(name=SCOPE), log_records=parsed)
    request = ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=Resource(attributes=_key_values(dict(resource))), scope_logs=[scope]
            )
        ]
    )
    return bytes(request.SerializeToString())


def _event(record: LogRecord, resource: Attributes) -> Event:
    attributes = _attributes(record.attributes)
    return Event(
        name=record.event_name or str(attributes.pop("event.name", "")),
        attributes=attributes,
        time=moment(record.time_unix_nano),
        observed_time=moment(record.observed_time_unix_nano),
        resource=resource,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return collect((pair.key, _value(pair.value)) for pair in pairs)


def _value(value: AnyValue) -> AttributeValue | None:
    match value.WhichOneof("value"):
        case "string_value":
            return str(value.string_value)
        case "bool_value":
            return bool(value.bool_value)
        case "int_value":
            return int(value.int_value)
        case "double_value":
            return float(value.double_value)
        case "bytes_value":
            return bytes(value.bytes_value)
        case "array_value":
            return tuple(_item(item) for item in value.array_value.values)
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case _:
            return None


def _item(item: AnyValue) -> AttributeValue:
    value = _value(item)
    if value is None:
        raise EventError(
            "asked to read an array", "one of its items is empty", "give every item a value"
        )
    return value


def _key_values(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any_value(value)) for name, value in attributes.items()]


def _any_value(value: AttributeValue) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case tuple():
            return AnyValue(array_value=ArrayValue(values=[_any_value(item) for item in value]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=_key_values(value)))


def _nanoseconds(time: datetime | None) -> int:
    if time is None:
        return 0
    since = time - EPOCH
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
