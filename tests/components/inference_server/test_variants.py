"""Versions of one network behind one server: switched by a hint, under load, and none lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import onnx
import pytest

from components.actuation.hint import Hint, encode_hint, write_hint_text
from components.inference_server.cpuset_follower import CpusetFollower
from components.inference_server.errors import ModelError
from components.inference_server.networks import write_network
from components.inference_server.prepared_network import PreparedNetwork
from components.inference_server.variant_follower import VariantFollower
from components.telemetry.served_devices import parse_devices
from models.device_classifier.zoo.quantised import quantise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from components.telemetry.served_devices import ServedDevices

SERVER = (sys.executable, "-m", "components.inference_server")
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def int8(mlp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("networks") / "mlp-small-int8.onnx"
    quantise(onnx.load(mlp), out)
    return out


@pytest.fixture
def url(mlp: Path, int8: Path, tmp_path: Path) -> Iterator[str]:
    """A server of both versions that follows hints in the test's folder."""
    words = ["--model", str(mlp), "--variant", f"int8={int8}", "--port", "0"]
    server = subprocess.Popen(
        [*SERVER, *words, "--hint-dir", str(tmp_path), "--max-threads", "1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield server.stdout.readline().rpartition(" ")[2].strip()
    finally:
        server.terminate()
        server.communicate()


def page_of(url: str) -> ServedDevices:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        return parse_devices(answer.read().decode())


def ask_for(folder: Path, variant: str | None) -> None:
    write_hint_text(folder, encode_hint(Hint("cpu", variant=variant)))


def wait_for(url: str, variant: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while page_of(url).variant != variant:
        assert time.monotonic() < deadline, f"{variant} is not in force"
        time.sleep(0.02)


def test_versions_are_switched_under_load_and_no_request_fails(url, tmp_path):
    load = subprocess.Popen(
        [sys.executable, "-m", "components.inference_server.load", url, "--rate", "40"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for variant in ("int8", "default") * 4:
            ask_for(tmp_path, variant)
            wait_for(url, variant)
    finally:
        load.terminate()
        report = json.loads(load.communicate()[0])

    assert report["answered"] == report["sent"] > 0
    assert report["failed"] == report["could_not_send"] == 0
    assert set(report["statuses"]) == {"200"}


def test_a_hint_for_a_version_it_does_not_hold_changes_nothing_and_is_told(url, tmp_path):
    ask_for(tmp_path, "int8")
    wait_for(url, "int8")

    ask_for(tmp_path, "int4")
    deadline = time.monotonic() + PATIENCE_S
    while not (served := page_of(url)).refusal:
        assert time.monotonic() < deadline, "it is not refused"
        time.sleep(0.02)

    assert served.variant == "int8"
    assert served.variants == ("default", "int8")
    assert "it holds no version 'int4'; it holds default, int8" in served.refusal


def test_the_versions_answer_differently_and_take_the_same_images(mlp, int8, tmp_path):
    other = tmp_path / "mobilenet.onnx"
    write_network("mobilenet", other)
    with PreparedNetwork(mlp) as first, PreparedNetwork(int8) as second:
        follower = VariantFollower(
            {
                name: CpusetFollower(network, batch_size=1, max_threads=1)
                for name, network in (("default", first), ("int8", second))
            }
        )
        with PreparedNetwork(other) as third:
            foreign = CpusetFollower(third, batch_size=1, max_threads=1)
            with pytest.raises(ModelError, match="they take images of"):
                VariantFollower({"default": follower, "mobilenet": foreign})

    before = follower.session
    assert follower.use("int8") is None
    assert follower.session is not before
    assert follower.use(None) is None
    assert follower.session is before
