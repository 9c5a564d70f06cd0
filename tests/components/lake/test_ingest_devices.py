from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from components.hub.intake import Intake
from components.hub.nodes import NodeBook
from components.lake.ingest import ingest
from components.lake.schema import DEVICE, Table
from components.telemetry.device_measurement import (
    MEASUREMENT_EVENT,
    MEASUREMENT_FIELDS,
    DeviceMeasurement,
    StartState,
    measurement_attributes,
)
from components.telemetry.events import Event
from components.telemetry.sample import Origin, PowerSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.hub.spool import Spool
    from components.lake.lake import Lake
    from components.telemetry.sample import Sample

PROTOBUF = "application/x-protobuf"


def measurement(**changes: Any) -> DeviceMeasurement:
    figures: dict[str, Any] = {
        "recording": "small", "node": "node-a", "node_class": "amd-2c", "fingerprint": "f00d",
        "origin": Origin.RECORDED, "measured_at": datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        "network": "net", "structure": "s-net", "layers": 3, "depth": 3, "gmac_dense": 0.001,
        "gmac_conv": 0.0, "gmac_depthwise": 0.0, "gmac_attention": 0.0, "parameters_mb": 4.0,
        "activations_mb": 0.1, "input_mb": 0.01, "launches": 6,
        "smallest_layer_gmac": 1e-5, "weight_bits": 32.0,
        "batch_size": 1, "state": StartState.WARM, "idle_s": 0.0, "n_cpus": 2, "device": "ort-1t",
        "device_kind": "cpu", "precision": "fp32", "processor": "known", "runtime": "known 1",
        "latency_ms": 2.0, "throughput_per_s": 500.0, "energy_j": 0.01,
        "energy_source": PowerSource.MODELLED, "contended": False, "n_rounds": 4, "n_runs": 40,
    }  # fmt: skip
    return DeviceMeasurement(**{**figures, **changes})


def event(**changes: Any) -> Event:
    made = measurement(**changes)
    return Event(MEASUREMENT_EVENT, measurement_attributes(made), made.measured_at)


def rows(lake: Lake) -> list[dict[str, object]]:
    return lake.read(Table.DEVICE_RAW).sort_by("batch_size").to_pylist()


def test_the_columns_are_the_fields_of_a_measurement() -> None:
    assert tuple(DEVICE.names) == MEASUREMENT_FIELDS


def test_a_measurement_arrives_with_every_field_as_it_was_sent(
    spool: Spool, lake: Lake, body: Callable[[Sequence[Sample | Event]], bytes]
) -> None:
    spool.put(body([event(wake_ms=1.5, transfer_ms=0.5, clock_share=0.2)]), PROTOBUF)
    report = ingest(spool, lake)
    (row,) = rows(lake)
    sent = measurement(wake_ms=1.5, transfer_ms=0.5, clock_share=0.2)
    assert {name: row[name] for name in MEASUREMENT_FIELDS} == {
        name: getattr(sent, name) for name in MEASUREMENT_FIELDS
    }
    assert row["decode_error"] is None
    assert (report.n_device_rows, report.n_rows, report.n_events) == (1, 0, 1)
    assert spool.pending() == ()


def test_samples_and_measurements_of_one_body_go_each_to_its_table(
    spool: Spool,
    lake: Lake,
    body: Callable[[Sequence[Sample | Event]], bytes],
    sample: Callable[..., Sample],
) -> None:
    spool.put(body([sample(), event(), event(batch_size=8)]), PROTOBUF)
    report = ingest(spool, lake)
    assert (report.n_rows, report.n_device_rows) == (1, 2)
    assert len(lake.read(Table.RAW)) == 1
    assert [row["batch_size"] for row in rows(lake)] == [1, 8]


def test_the_same_measurement_twice_is_one_row_and_another_saying_is_kept(
    spool: Spool, lake: Lake, body: Callable[[Sequence[Sample | Event]], bytes]
) -> None:
    for sent in (event(), event(), event(latency_ms=9.0)):
        spool.put(body([sent]), PROTOBUF)
        report = ingest(spool, lake)
    assert report.n_device_rows == 1
    assert sorted(row["latency_ms"] for row in rows(lake)) == [2.0, 9.0]
    assert len({row["row_id"] for row in rows(lake)}) == 2


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("latency_ms", float("nan"), "latency_ms"),
        ("state", "asleep", "warm, idle"),
        ("batch_size", 1.5, "whole number"),
        ("surprise", 1, "surprise"),
    ],
)
def test_what_is_no_measurement_is_kept_with_the_reason(
    spool: Spool,
    lake: Lake,
    body: Callable[[Sequence[Sample | Event]], bytes],
    field: str,
    value: Any,
    reason: str,
) -> None:
    attributes = {**event().attributes, field: value}
    spool.put(body([Event(MEASUREMENT_EVENT, attributes)]), PROTOBUF)
    assert ingest(spool, lake).n_undecodable == 1
    (row,) = rows(lake)
    assert reason in str(row["decode_error"])
    assert (row["node"], row["device"]) == ("node-a", "ort-1t")


def test_the_hub_takes_measurements_from_other_nodes(
    spool: Spool, lake: Lake, body: Callable[[Sequence[Sample | Event]], bytes], tmp_path: Any
) -> None:
    intake = Intake(spool, NodeBook(tmp_path / "nodes", max_nodes=10), max_decoded_bytes=1_000_000)
    receipt = intake.take(body([event()]), PROTOBUF, None)
    assert (receipt.n_samples, receipt.n_rejected) == (0, 0)
    assert ingest(spool, lake).n_device_rows == 1
