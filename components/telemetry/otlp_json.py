"""Events from OTLP/JSON: lowerCamelCase keys, 64-bit integers as text or number.

Read by hand, as protobuf's own JSON reader is some ten times slower. Keys that are not known are
let pass, as the standard demands.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from components.telemetry.attributes import collect
from components.telemetry.errors import EventError
from components.telemetry.events import Event, moment

if TYPE_CHECKING:
    from components.telemetry.attributes import Attributes, AttributeValue

_MAX_DEPTH = 32
_DOUBLE_WORDS = {"NaN", "Infinity", "-Infinity"}


def events_of_json(body: bytes) -> tuple[Event, ...]:
    """Read all events of an export request, in order.

    Raises:
        EventError: it is no JSON, or of another shape.
    """
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError) as error:  # also what is no UTF-8
        raise EventError(
            f"asked to read {len(body)} bytes as OTLP/JSON",
            f"they are no JSON: {error}",
            "send an ExportLogsServiceRequest as JSON",
        ) from error
    return tuple(
        _event(record, resource)
        for group in _list_of(parsed, "resourceLogs")
        for resource in (_attributes(_table_of(group, "resource"), 0),)
        for scope in _list_of(group, "scopeLogs")
        for record in _list_of(scope, "logRecords")
    )


def _event(record: object, resource: Attributes) -> Event:
    attributes = _attributes(record, 0)
    table = _table(record, "a log record")
    name = table.get("eventName") or attributes.pop("event.name", "")
    if not isinstance(name, str):
        raise _bad("eventName", name, "give it as text")
    return Event(
        name=name,
        attributes=attributes,
        time=moment(_whole(table.get("timeUnixNano", 0), "timeUnixNano")),
        observed_time=moment(_whole(table.get("observedTimeUnixNano", 0), "observedTimeUnixNano")),
        resource=resource,
    )


def _attributes(holder: object, depth: int, key: str = "attributes") -> Attributes:
    return collect(_pair(pair, depth) for pair in _list_of(holder, key))


def _pair(pair: object, depth: int) -> tuple[str, AttributeValue | None]:
    table = _table(pair, "an attribute")
    key = table.get("key")
    if not isinstance(key, str):
        raise _bad("the key of an attribute", key, "give it as text")
    return key, _value(table.get("value", {}), key, depth)


def _value(any_value: object, key: str, depth: int) -> AttributeValue | None:
    if depth > _MAX_DEPTH:
        raise _bad(key, "...", f"nest at most {_MAX_DEPTH} deep")
    table = {kind: v for kind, v in _table(any_value, key).items() if v is not None}
    if not table:
        return None
    if len(table) > 1:
        raise _bad(key, any_value, "give one value only")
    [(kind, value)] = table.items()
    match kind, value:
        case "stringValue", str():
            return value
        case "boolValue", bool():
            return value
        case "intValue", _:
            return _whole(value, key)
        case "doubleValue", _:
            return _double(value, key)
        case "bytesValue", str():
            return _bytes(value, key)
        case "arrayValue", _:
            return tuple(_item(item, key, depth + 1) for item in _list_of(value, "values"))
        case "kvlistValue", _:
            return _attributes(value, depth + 1, "values")
        case _:
            raise _bad(key, any_value, "give one of OTLP's kinds of value")


def _item(item: object, key: str, depth: int) -> AttributeValue:
    value = _value(item, key, depth)
    if value is None:
        raise _bad(key, item, "give every item of an array a value")
    return value


def _whole(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise _bad(key, value, "give a whole number, as number or text")
    try:
        return int(value)
    except ValueError as error:
        raise _bad(key, value, "give a whole number, as number or text") from error


def _double(value: object, key: str) -> float:
    if isinstance(value, bool) or not (
        isinstance(value, (int, float)) or (isinstance(value, str) and value in _DOUBLE_WORDS)
    ):
        raise _bad(key, value, "give a number")
    try:
        return float(value)
    except OverflowError as error:
        raise _bad(key, "an integer beyond a double", "give a number") from error


def _bytes(value: str, key: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise _bad(key, value, "give bytes in base64") from error


def _list_of(holder: object, key: str) -> list[object]:
    value = _table(holder, f"what holds {key}").get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _bad(key, value, "give a list")
    return value


def _table_of(holder: object, key: str) -> object:
    value = _table(holder, f"what holds {key}").get(key)
    return {} if value is None else value


def _table(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _bad(what, value, "give an object")
    return value


def _bad(what: str, value: object, remedy: str) -> EventError:
    shown = repr(value)
    short = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return EventError(f"asked to read {what} of an OTLP/JSON body", f"it is {short}", remedy)
