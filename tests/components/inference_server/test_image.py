"""The container image, built here and run under a real engine."""

import http.client
import json
import re
import subprocess
import sys
import time
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from components.inference_server.load_generator import LoadGenerator
from components.inference_server.load_plan import LoadPlan

REPOSITORY = Path(__file__).parents[3]
IMAGE = "joulepilot/inference-server:latest"

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]


def _docker(*arguments):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _build():
    script = REPOSITORY / "deployments/images/build.sh"
    done = subprocess.run(
        ["sh", str(script), sys.executable], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def _wait_until(claim, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


class Container:
    def __init__(self, *arguments):
        self.name = f"joulepilot-test-{uuid.uuid4().hex[:8]}"
        _docker("run", "--detach", "--name", self.name, IMAGE, *arguments)
        self.address = self.inspect("{{.NetworkSettings.IPAddress}}")

    @property
    def url(self):
        return f"http://{self.address}:8002"

    def inspect(self, form):
        return _docker("inspect", "--format", form, self.name)

    def get(self, path):
        with closing(http.client.HTTPConnection(self.address, 8002, timeout=10)) as connection:
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            except ConnectionError:
                return 0, ""

    def follows(self, cpuset, n_threads):
        page = self.get("/metrics")[1]
        return f'cpuset="{cpuset}"' in page and f"\njoulepilot_server_threads {n_threads}\n" in page


@pytest.fixture
def container():
    _build()
    container = Container("--model", "/networks/mobilenet.onnx")
    try:
        _wait_until(lambda: container.get("/readyz")[0] == 200)
        yield container
    finally:
        _docker("rm", "--force", container.name)


def test_building_again_changes_nothing():
    _build()
    before = _docker("image", "inspect", "--format", "{{.Id}}", IMAGE)
    assert "is up to date" in _build()
    assert _docker("image", "inspect", "--format", "{{.Id}}", IMAGE) == before


def test_no_label_of_the_image_looks_like_one_of_a_job():
    _build()
    labels = json.loads(_docker("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE))
    assert labels
    assert not [label for label in labels if label.startswith("joulepilot.")]


def test_a_container_follows_its_cpuset_under_load_and_stops_in_order(container):
    online = Path("/sys/devices/system/cpu/online").read_text().strip()
    every_cpu = container.inspect("{{.HostConfig.CpusetCpus}}") or online
    before = re.search(r'cpuset="([^"]*)"', container.get("/metrics")[1])[1]
    _docker("update", "--cpuset-cpus", "0", container.name)
    _wait_until(lambda: container.follows("0", 1))
    _docker("update", "--cpuset-cpus", every_cpu, container.name)
    _wait_until(lambda: f'cpuset="{before}"' in container.get("/metrics")[1])

    report = LoadGenerator(LoadPlan(url=container.url, rate_per_s=15, seconds=2)).run()
    assert report.answered == report.due > 0
    assert f"\njoulepilot_images_total {report.answered}\n" in container.get("/metrics")[1]

    assert _docker("exec", container.name, "id", "-u") == "65534"
    started_s = time.monotonic()
    _docker("stop", container.name)
    assert time.monotonic() - started_s < 9  # the engine kills after 10
    assert container.inspect("{{.State.ExitCode}}") == "0"
