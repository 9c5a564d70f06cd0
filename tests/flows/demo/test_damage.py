"""What the demo damages on purpose is what the checks find, each row, and nothing passes."""

from datetime import UTC, datetime
from pathlib import Path

from components.hub.server import HubServer
from components.lake.lake import Lake
from components.settings.settings import Settings
from flows.checked_lake import check_samples, ingest_telemetry, was_checked
from flows.demo.damage import damaged_samples, send_damaged_samples
from flows.services import free_port


def test_every_damaged_row_goes_to_quarantine(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, hub_port=free_port())
    with HubServer(tmp_path, settings.hub_host, settings.hub_port):
        faults = send_damaged_samples(settings.hub_url, tmp_path / "buffer")
    assert len(faults) == len(damaged_samples(datetime.now(UTC)))
    assert ingest_telemetry(settings).n_rows == len(faults)
    report = check_samples(settings)
    assert report.n_quarantined == len(faults)
    assert report.verdict is False
    assert Lake(tmp_path / "lake").quarantine_counts().n_rows == len(faults)
    assert not was_checked(tmp_path, report.samples_version or 0)
