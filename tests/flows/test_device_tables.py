"""Measurements of one node become a table in the home of another."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.hub.errors import HubAwayError
from components.hub.server import HubServer
from components.lake.lake import Lake
from components.settings.settings import Settings
from components.telemetry.device_measurement import DeviceMeasurement, StartState
from components.telemetry.sample import Origin, PowerSource
from flows.checked_lake import check_measurements, ingest_telemetry
from flows.device_learning import newest_table
from flows.device_tables import write_lake_tables
from flows.device_telemetry import send_measurements
from models.device_classifier.table_file import read_table

FIRST = DeviceMeasurement(
    recording="rack-7", node="node-a", node_class="amd-2c", fingerprint="f00d",
    origin=Origin.RECORDED, measured_at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC), network="net",
    structure="s", layers=3, depth=3, gmac_dense=0.001, gmac_conv=0.0, gmac_depthwise=0.0,
    gmac_attention=0.0, parameters_mb=4.0, activations_mb=0.1, input_mb=0.01, launches=6,
    smallest_layer_gmac=1e-5, weight_bits=32.0, batch_size=1, state=StartState.WARM, idle_s=0.0,
    n_cpus=2,
    device="ort-1t", device_kind="cpu", precision="fp32", processor="known", runtime="known 1",
    latency_ms=2.0, throughput_per_s=500.0, energy_j=0.01, energy_source=PowerSource.MODELLED,
    contended=False, n_rounds=4, n_runs=40,
)  # fmt: skip


def measurements() -> list[DeviceMeasurement]:
    return [
        replace(
            FIRST, network=f"net-{n}", structure=f"s-{n}", gmac_dense=0.001 * (n + 1),
            batch_size=batch, device=device, latency_ms=0.1 + n + batch,
            energy_j=0.01 * (n + batch), throughput_per_s=1000.0 * batch / (0.1 + n + batch),
        )
        for n in range(5) for batch in (1, 8) for device in ("ort-1t", "ort-2t")
    ]  # fmt: skip


def test_what_a_node_measured_is_learned_from_where_the_hub_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    stuck = [
        replace(FIRST, network="stuck", batch_size=batch, latency_ms=7.0) for batch in (1, 4, 16)
    ]
    sent = [*measurements(), *stuck]
    with HubServer(settings.home, "127.0.0.1", 0) as hub:
        assert send_measurements(hub.url, sent) == len(sent)
        assert send_measurements(hub.url, sent) == len(sent)  # twice does no harm
    assert ingest_telemetry(settings).n_device_rows == len(sent)
    found = check_measurements(settings)
    assert (found.n_passed, found.reasons) == (len(measurements()), {"series_constant": 3})

    path = newest_table(settings.home)
    table = read_table(path)
    assert path.stem == "rack-7-node-a"
    assert len(table.rows) == 10
    assert table.devices == ("ort-1t", "ort-2t")
    assert table.measured["latency"].max() == pytest.approx(12.1)
    assert table.facts["rows_from"] == "device_measurements of the lake"
    assert table.facts["source"] == "recorded"
    assert write_lake_tables(Lake(settings.home / "lake"), settings.home) == ()


def test_a_hub_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    with HubServer(tmp_path / "home", "127.0.0.1", 0) as hub:
        url = hub.url
    with pytest.raises(HubAwayError, match="sends again"):
        send_measurements(url, [FIRST])
