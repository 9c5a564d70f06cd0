"""A server holds the devices that are here, tells why others are not, and follows hints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.actuation.hint import Hint, encode_hint, write_hint_text
from components.inference_server.counters import Counters
from components.inference_server.cpuset_follower import CpusetFollower
from components.inference_server.device_follower import DeviceFollower
from components.inference_server.devices import OpenedDevices, open_devices, parse_devices
from components.inference_server.errors import DeviceLostError, DeviceNameError, ModelError
from components.inference_server.metrics_page import metrics_page
from components.inference_server.network_features import read_features
from components.inference_server.service import InferenceService, ServiceLimits
from components.telemetry.served_devices import parse_devices as devices_of_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from components.inference_server.prepared_network import PreparedNetwork

TOLD = "cpu,igpu=openvino:CPU,dgpu"  # the stand-in is declared; there is no NVIDIA GPU here


@pytest.fixture
def follower(mlp: Path, network: PreparedNetwork, tmp_path: Path) -> Iterator[DeviceFollower]:
    cpu = CpusetFollower(network, batch_size=1, max_threads=1)
    opened = open_devices(parse_devices(TOLD), mlp, network.facts)
    following = DeviceFollower(cpu, opened, hint_dir=tmp_path, batch_size=1)
    yield following
    following.stop()


def hint(folder: Path, device: str, probe: str | None = None) -> None:
    write_hint_text(folder, encode_hint(Hint(device, probe, "p1" if probe else None)))


def page(follower: DeviceFollower, network: PreparedNetwork) -> str:
    service = InferenceService("mlp-small", ServiceLimits(), Counters(), {"layers": 3.0})
    service.open(network.facts, follower)
    return metrics_page(service.counters.counts(), service.facts())


def test_an_absent_device_is_told_with_its_reason(
    follower: DeviceFollower, network: PreparedNetwork
) -> None:
    served = devices_of_page(page(follower, network))

    assert served.in_force == "cpu"
    assert served.held == ("cpu", "igpu")
    assert "CPUExecutionProvider" in served.absent["dgpu"]
    assert served.features == {"layers": 3.0}


def test_a_hint_switches_the_device_and_taking_it_away_goes_back(
    follower: DeviceFollower, network: PreparedNetwork, tmp_path: Path
) -> None:
    hint(tmp_path, "igpu")
    follower.follow()
    assert devices_of_page(page(follower, network)).in_force == "igpu"

    write_hint_text(tmp_path, "")
    follower.follow()
    assert devices_of_page(page(follower, network)).in_force == "cpu"
    assert follower.n_device_switches == 2


def test_both_devices_give_the_same_answers(follower: DeviceFollower, tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype(np.float32)
    on_cpu = follower.session.run(images)
    hint(tmp_path, "igpu")
    follower.follow()

    np.testing.assert_allclose(follower.session.run(images), on_cpu, rtol=1e-3, atol=1e-3)


def test_a_hint_for_a_device_it_does_not_hold_changes_nothing_and_is_told(
    follower: DeviceFollower, network: PreparedNetwork, tmp_path: Path
) -> None:
    hint(tmp_path, "dgpu")
    follower.follow()

    assert follower.device == "cpu"
    served = devices_of_page(page(follower, network))
    assert "CPUExecutionProvider" in served.refusal
    hint(tmp_path, "igpu")
    follower.follow()
    assert devices_of_page(page(follower, network)).refusal == ""


def test_damaged_hints_change_nothing(follower: DeviceFollower, tmp_path: Path) -> None:
    for text in ("{", "[]", '{"device": 3}', '{"gadget": "igpu"}', "igpu\n"):
        (tmp_path / "hint.json").write_text(text)
        follower.follow()
        assert follower.device == "cpu"
        assert "not built as a hint" in follower.refusal


def test_a_probe_runs_one_batch_beside_and_stays_where_it_was(
    follower: DeviceFollower, network: PreparedNetwork, tmp_path: Path
) -> None:
    follower.last_batch = 7
    hint(tmp_path, "cpu", probe="igpu")
    follower.follow()

    served = devices_of_page(page(follower, network))
    assert served.in_force == "cpu"
    assert served.probe is not None
    assert (served.probe.device, served.probe.batch, served.probe.probe_id) == ("igpu", 7, "p1")
    assert served.probe.latency_ms > 0


def test_the_watcher_notices_a_renamed_file_soon(follower: DeviceFollower, tmp_path: Path) -> None:
    follower.start()
    hint(tmp_path, "igpu")
    deadline = time.monotonic() + 10
    while follower.device != "igpu":
        assert time.monotonic() < deadline
        time.sleep(0.01)


class FallsOffTheBus:
    """A GPU that works until it is lost; one for all sessions."""

    is_lost = False
    n_threads = 1

    def __init__(self, network: PreparedNetwork) -> None:
        self.facts = network.facts
        self._session = network.session(1)

    def session(self, _n_threads: int) -> FallsOffTheBus:
        return self

    def run(self, images: np.ndarray) -> np.ndarray:
        if self.is_lost:
            raise DeviceLostError("asked for an inference", "GPU is lost", "see nvidia-smi")
        return self._session.run(images)


@pytest.mark.parametrize("probe", [None, "dgpu"])
def test_a_device_that_is_gone_fails_no_request_and_is_held_no_more(
    network: PreparedNetwork, tmp_path: Path, probe: str | None
) -> None:
    gpu = FallsOffTheBus(network)
    cpu = CpusetFollower(network, batch_size=1, max_threads=1)
    opened = OpenedDevices({"dgpu": gpu}, {}, parse_devices("cpu,dgpu"))
    follower = DeviceFollower(cpu, opened, hint_dir=tmp_path, batch_size=1)
    service = InferenceService("mlp-small", ServiceLimits(), Counters())
    service.open(network.facts, follower)
    hint(tmp_path, "cpu" if probe else "dgpu")
    follower.follow()

    gpu.is_lost = True
    if probe:
        hint(tmp_path, "cpu", probe=probe)
        follower.follow()
    answered = service.classify(b"", 2, time.perf_counter())

    served = devices_of_page(metrics_page(service.counters.counts(), service.facts()))
    assert answered.n_images == 2
    assert (served.in_force, served.held) == ("cpu", ("cpu",))
    assert "GPU is lost" in served.absent["dgpu"]
    hint(tmp_path, "dgpu")
    follower.follow()
    assert follower.device == "cpu"
    assert "GPU is lost" in follower.refusal


def test_what_openvino_cannot_run_is_a_lost_device(mlp: Path, network: PreparedNetwork) -> None:
    opened = open_devices(parse_devices(TOLD), mlp, network.facts)
    session = opened.held["igpu"].session(1)

    with pytest.raises(DeviceLostError, match="OpenVINO"):
        session.run("no image")


@pytest.mark.parametrize("text", ["igpu", "cpu,tpu", "cpu=openvino:CPU", "cpu,dgpu:x", ""])
def test_devices_nobody_knows_are_refused(text: str) -> None:
    with pytest.raises(DeviceNameError):
        parse_devices(text)


def test_features_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "features.json"
    bad: tuple[Callable[[], object], ...] = (
        lambda: file.write_text("[1]"),
        lambda: file.write_text('{"layers": NaN}'),
        lambda: file.write_text('{"layers": "many"}'),
        lambda: file.unlink(),
    )
    for spoil in bad:
        spoil()
        with pytest.raises(ModelError):
            read_features(file)
    assert read_features(None) == {}
