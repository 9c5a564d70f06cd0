"""The demo's part on devices waits for what is steady, and fails where nothing switches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.madeup.devices.node import FIRST_LOAD
from components.settings.settings import resolve
from components.telemetry.heartbeat import JobStatus
from flows.demo.devices import BIG_LOAD, DeviceStory
from flows.demo.narrator import Narrator
from flows.demo.nodes import DemoNodes
from flows.services import Services

if TYPE_CHECKING:
    from pathlib import Path

    from components.madeup.devices.server import Load


def status(device: str, latency_ms: float, reason: str = "it is the best choice") -> JobStatus:
    return JobStatus(
        name="digits", mode="auto", arm="policy", target_ms=1.0, target_statistic="mean",
        latency_ms=latency_ms, cpuset="0-3", n_cpus=4, layout="compact", state="settled",
        device=device, device_reason=reason,
    )  # fmt: skip


@pytest.fixture
def story(tmp_path: Path) -> DeviceStory:
    settings = resolve({"home": str(tmp_path)}).settings
    said: list[str] = []
    return DeviceStory(
        settings, Services(tmp_path / "logs"), DemoNodes(settings), Narrator(said.append)
    )


@pytest.mark.parametrize(
    ("load", "found", "is_so"),
    [
        (BIG_LOAD, status("dgpu", 0.0066), True),
        (BIG_LOAD, status("igpu", 0.1), False),
        (BIG_LOAD, status("dgpu", 0.25), False),  # still what batches of one took
        (BIG_LOAD, status("dgpu", 0.0066, "asked for igpu: measure first"), False),
        (FIRST_LOAD, status("igpu", 0.55), True),
        (FIRST_LOAD, status("igpu", 0.55, "dead band: cpu would save 0.3%"), True),
        (FIRST_LOAD, status("igpu", 0.55, "batches of 1 are new"), False),
        (FIRST_LOAD, status("dgpu", 0.55), False),
        (FIRST_LOAD, status("cpu", 0.32, "would switch to igpu: it is the best choice"), False),
    ],
)
def test_a_choice_counts_only_under_its_load_decided_and_on_the_right_device(
    story: DeviceStory, monkeypatch: pytest.MonkeyPatch, load: Load, found: JobStatus, is_so: bool
) -> None:
    monkeypatch.setattr("flows.demo.devices.STEADY_S", 0.0)

    assert story._steady(load)(found) is is_so


def test_a_choice_that_just_changed_is_not_steady_yet(story: DeviceStory) -> None:
    is_steady = story._steady(FIRST_LOAD)

    assert not is_steady(status("cpu", 0.32))
    assert not is_steady(status("igpu", 0.55))


def test_staying_is_told_in_watts_or_as_impossible(story: DeviceStory) -> None:
    assert story._power_on("igpu", BIG_LOAD).startswith("cannot:")
    assert story._power_on("igpu", FIRST_LOAD).endswith(" W")
