"""A real server follows the executor's hints: written, noticed, read back, put back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.hint import HINT_FILE
from components.executor.real_node import prometheus_devices
from components.inference_server.networks import write_network
from components.jobs.labels import job_from_labels
from components.telemetry.served_devices import PrometheusDevices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path, rig: Any) -> Iterator[str]:
    """A program that holds the CPU and, declared, OpenVINO's CPU in the iGPU's place; its page."""
    model, features = tmp_path / "mlp-small.onnx", tmp_path / "features.json"
    write_network("mlp-small", model)
    features.write_text(json.dumps(rig.node.server.read().features))  # those of the made-up job
    (tmp_path / "hints").mkdir()
    words = [sys.executable, "-m", "components.inference_server", "--model", str(model)]
    words += ["--port", "0", "--devices", "cpu,igpu=openvino:CPU,dgpu"]
    words += ["--hint-dir", str(tmp_path / "hints"), "--network-features", str(features)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        yield f"{url}/metrics"
        process.terminate()


def until(is_so: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_a_hint_is_followed_and_read_back_from_the_page_and_taken_back(
    server: str, rig: Any, follow: Callable[..., None], tmp_path: Path
) -> None:
    rig.run(6)  # the made-up job is in charge; its devices are those of the real server from here
    source = PrometheusDevices(server)
    rig.ports = replace(rig.ports, served_devices=lambda _container, _job: source)
    assert source.read().in_force == "cpu"
    rig.desk._ports = rig.ports
    folder = tmp_path / "hints"
    rig.overrides.update("digits", {"hint-dir": str(folder), "devices": "cpu,igpu,dgpu"})
    follow(rig)

    until(lambda: rig.run(1) or source.read().in_force == "igpu")
    assert (folder / HINT_FILE).exists()
    rig.run(1)
    assert rig.desk.device_of(rig.job) == "igpu"
    assert "CPUExecutionProvider" in source.read().absent["dgpu"]

    assert rig.executor.stop().complete
    until(lambda: source.read().in_force == "cpu")
    assert not (folder / HINT_FILE).exists()


def test_the_page_of_devices_is_the_page_of_latency(rig: Any) -> None:
    container = rig.node.container("digits")
    job = job_from_labels("digits", container.labels)
    assert job is not None

    assert isinstance(prometheus_devices(container, job), PrometheusDevices)
