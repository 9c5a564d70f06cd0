from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from components.lake.schema import SCHEMAS, Table
from components.telemetry.device_measurement import MEASUREMENT_FIELDS, DeviceMeasurement
from data_checks.device_checking import check_devices, reasons_against
from data_checks.device_rules import device_rules

if TYPE_CHECKING:
    from components.lake.lake import Lake

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def device_row(batch: int = 1, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(repr((batch, sorted(changes.items(), key=str))).encode()).hexdigest()
    return {
        "recording": "small", "node": "node-a", "node_class": "amd-2c", "fingerprint": "f00d",
        "origin": "recorded", "measured_at": NOW, "network": "net", "structure": "s-net",
        "layers": 3, "depth": 3, "gmac_dense": 0.001, "gmac_conv": 0.0, "gmac_depthwise": 0.0,
        "gmac_attention": 0.0, "parameters_mb": 4.0, "activations_mb": 0.1, "input_mb": 0.01,
        "launches": 6,
        "smallest_layer_gmac": 1e-5, "weight_bits": 32.0, "batch_size": batch, "state": "warm",
        "idle_s": 0.0, "n_cpus": 2, "layout": "compact", "device": "ort-1t", "device_kind": "cpu",
        "precision": "fp32", "processor": "known", "runtime": "known 1", "latency_ms": 1.0 + batch,
        "throughput_per_s": 1000.0 * batch / (1.0 + batch), "energy_j": 0.01 + 0.002 * batch,
        "energy_source": "modelled", "contended": False, "n_rounds": 4, "n_runs": 40,
        "event_time": NOW, "ingested_at": NOW, "body_sha256": "b0d7", "row_id": digest,
        "content_sha256": digest, **changes,
    }  # fmt: skip


def arrive(lake: Lake, *rows: dict[str, Any]) -> None:
    table = pa.Table.from_pylist(list(rows), schema=SCHEMAS[Table.DEVICE_RAW])
    lake.append(Table.DEVICE_RAW, table)


def test_good_measurements_pass_and_are_judged_once(lake: Lake) -> None:
    assert check_devices(lake).verdict_reason == "nothing is new"
    arrive(lake, *(device_row(batch) for batch in (1, 2, 4, 8)))
    found = check_devices(lake)
    assert (found.n_checked, found.n_passed, found.n_quarantined) == (4, 4, 0)
    assert found.verdict
    assert found.disagreements == ()
    assert all(each.success for each in found.expectations)
    assert len(lake.read(Table.DEVICE_MEASUREMENTS)) == 4
    assert check_devices(lake).n_checked == 0


NAN = float("nan")
BAD: list[tuple[str, dict[str, Any]]] = [
    ("undecodable", {"decode_error": "latency_ms is absent"}),
    ("name_missing", {"network": " "}),
    ("not_finite", {"latency_ms": NAN}),
    ("not_finite", {"energy_j": float("inf")}),
    ("state_unknown", {"state": "asleep"}),
    ("device_kind_unknown", {"device_kind": "fpga"}),
    ("energy_source_unknown", {"energy_source": "guessed"}),
    ("latency_range", {"latency_ms": 0.0}),
    ("throughput_range", {"throughput_per_s": 0.0}),
    ("energy_range", {"energy_j": 0.0}),
    ("energy_range", {"energy_j": -1.0}),
    ("batch_size_range", {"batch_size": 0}),
    ("work_negative", {"gmac_conv": -1.0}),
    ("idle_negative", {"idle_s": -0.1}),
    ("count_range", {"n_rounds": 0}),
    ("clock_share_range", {"clock_share": 45.0}),
    ("load_negative", {"wait_share": -0.1}),
    ("part_exceeds_latency", {"transfer_ms": 50.0}),
    ("wake_without_rest", {"wake_ms": 0.5}),
    ("energy_source_missing", {"energy_source": None}),
    ("rate_implausible", {"throughput_per_s": 1e9}),
]


def test_every_bad_measurement_is_quarantined_for_its_reason_and_the_good_ones_stay(
    lake: Lake,
) -> None:
    rows = [device_row(1, **{"network": f"net-{i}", **bad}) for i, (_, bad) in enumerate(BAD)]
    good = [device_row(batch, network="good") for batch in (1, 8)]
    arrive(lake, *rows, *good)
    found = check_devices(lake)
    settled = lake.read(Table.DEVICE_QUARANTINE).to_pylist()
    reasons = {row["row_id"]: row["reasons"] for row in settled}
    for row, (code, _) in zip(rows, BAD, strict=True):
        assert code in reasons[row["row_id"]]
    assert (found.n_quarantined, found.n_passed) == (len(BAD), 2)
    assert found.disagreements == ()
    assert not found.verdict
    assert all(row["findings"] for row in settled)
    assert "latency_ms 0" in found.findings["latency_range"]


@pytest.mark.parametrize("stuck", ["latency_ms", "energy_j", "throughput_per_s"])
def test_a_series_that_never_moves_is_refused_whole(lake: Lake, stuck: str) -> None:
    same = {stuck: 7.0}
    if stuck == "throughput_per_s":
        same = {stuck: 700.0}
    rows = [device_row(batch, **same) for batch in (1, 4, 16)]
    moving = [device_row(batch, device="ort-2t") for batch in (1, 4, 16)]
    arrive(lake, *rows, *moving)
    found = check_devices(lake)
    assert found.reasons["series_constant"] == 3
    assert found.n_passed == 3
    assert stuck in found.findings["series_constant"]
    assert found.disagreements == ()


def test_a_series_is_seen_with_what_was_settled_before(lake: Lake) -> None:
    arrive(lake, device_row(1, latency_ms=7.0), device_row(4, latency_ms=7.0))
    assert check_devices(lake).n_quarantined == 0  # two points are no series yet
    arrive(lake, device_row(16, latency_ms=7.0))
    assert check_devices(lake).reasons == {"series_constant": 1}


def test_a_second_saying_under_one_key_is_refused(lake: Lake) -> None:
    arrive(lake, device_row(1))
    check_devices(lake)
    arrive(lake, device_row(1, latency_ms=3.0), device_row(2))
    found = check_devices(lake)
    assert found.reasons == {"duplicate_key": 1}
    assert found.n_passed == 1


def test_a_table_is_judged_by_the_same_masks_as_the_lake() -> None:
    fields = {name: device_row(1)[name] for name in MEASUREMENT_FIELDS if name in device_row(1)}
    good = DeviceMeasurement(**fields)
    zero, stuck = replace(good, latency_ms=0.0, batch_size=2), []
    for batch in (1, 4, 16):
        stuck.append(replace(good, device="ort-2t", batch_size=batch, energy_j=3.0))
        stuck[-1] = replace(stuck[-1], latency_ms=float(batch), throughput_per_s=None)
    found = reasons_against(
        [good, zero, replace(good, energy_j=float("nan"), batch_size=3), *stuck]
    )
    assert found[0] == ()
    assert "latency_range" in found[1]
    assert "not_finite" in found[2]
    assert found[3:] == [("series_constant",)] * 3


def test_codes_are_unique() -> None:
    codes = [rule.code for rule in device_rules()]
    assert len(set(codes)) == len(codes)
