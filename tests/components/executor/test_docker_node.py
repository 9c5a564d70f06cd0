"""`joulepilot-node` with a real Docker engine and the reference inference job in containers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.node.cpuset import format_cpu_list, parse_cpu_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "joulepilot/inference-server:latest"
REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 90.0
MAX_RSS_KIB = 80 * 1024
NODE = (sys.executable, "-m", "components.executor")
ALL = format_cpu_list(os.sched_getaffinity(0))

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.cpu_count() == 1, reason="needs 2 CPUs to move a job between"),
]


@dataclass
class Container:
    """A served network under load."""

    name: str
    url: str
    pid: int

    def cpus(self) -> str:
        """What the kernel says of the container's first process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return format_cpu_list(parse_cpu_list(status.split("Cpus_allowed_list:")[1].split("\n")[0]))

    def configured(self) -> str:
        return _docker("inspect", "-f", "{{.HostConfig.CpusetCpus}}", self.name)


@pytest.fixture
def container() -> Iterator[Container]:
    build = ["sh", str(REPOSITORY / "deployments/images/build.sh"), sys.executable]
    subprocess.run(build, capture_output=True, check=True)
    name = f"joulepilot-test-{uuid.uuid4().hex[:8]}"
    labels = {
        "joulepilot-test": name,
        "joulepilot.enable": "true",
        "joulepilot.target-ms": "400",
        "joulepilot.metrics": "prometheus:8002/metrics",
        "joulepilot.model": "mlp-small",
        "joulepilot.max-cpus": "1",
    }
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    _docker("run", "-d", "--name", name, *words, IMAGE, "--model", "/networks/mlp-small.onnx")
    load = None
    try:
        address = _docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name)
        pid = int(_docker("inspect", "-f", "{{.State.Pid}}", name))
        url = f"http://{address}:8002"
        _wait(lambda: _answers(f"{url}/readyz"), "the container to be ready")
        load = subprocess.Popen(
            [sys.executable, "-m", "components.inference_server.load", "--rate", "60", url],
            stdout=subprocess.DEVNULL,
        )
        yield Container(name, url, pid)
    finally:
        if load is not None:
            load.kill()
            load.wait()
        _docker("rm", "-f", name)


def test_a_container_is_moved_read_back_and_given_its_cpus_again(tmp_path, container):
    executor = _run(tmp_path, container)
    try:
        _wait(lambda: _state(tmp_path, container.name) == "settled", "it to settle", tmp_path)
        status = _job(tmp_path, container.name)
        moved_to = container.cpus()
        configured = container.configured()
        rss_kib = _rss_kib(executor.pid)
    finally:
        code = _end(executor, signal.SIGTERM)

    assert status["cpuset"] == moved_to == configured
    assert status["n_cpus"] == 1
    assert rss_kib < MAX_RSS_KIB
    assert code == 0
    assert container.cpus() == ALL


def test_killed_in_the_middle_a_later_start_gives_the_cpus_back(tmp_path, container):
    killed = _run(tmp_path, container)
    try:
        _wait(lambda: container.cpus() != ALL, "the first change", tmp_path)
    finally:
        _end(killed, signal.SIGKILL)
    left_behind = container.cpus()

    executor = _run(tmp_path, container, "--mode", "recommend")
    try:
        _wait(lambda: container.cpus() == ALL, "the original", tmp_path)
    finally:
        _end(executor, signal.SIGTERM)

    assert left_behind != ALL
    assert container.cpus() == ALL


def test_a_container_removed_while_it_is_managed_is_forgotten(tmp_path, container):
    executor = _run(tmp_path, container)
    try:
        _wait(lambda: container.cpus() != ALL, "the first change", tmp_path)
        _docker("stop", "-t", "0", container.name)
        _wait(lambda: _job(tmp_path, container.name) is None, "it to be forgotten", tmp_path)
    finally:
        code = _end(executor, signal.SIGTERM)

    assert code == 0


def _run(home: Path, container: Container, *more: str) -> subprocess.Popen[bytes]:
    words = ["--home", str(home), "--node", "here", "--host", "docker", "--window-s", "1"]
    words += ["--only-label", f"joulepilot-test={container.name}"]
    words += ["--min-requests", "20", "--tick-s", "0.25", "--settle-s", "0.3"]
    words += ["--confirm-windows", "1", *more]
    with (home / "executor.log").open("ab") as log:
        return subprocess.Popen([*NODE, "run", *words], stderr=log, stdout=log)


def _job(home: Path, name: str) -> dict[str, object] | None:
    result = subprocess.run(
        [*NODE, "status", "--json", "--home", str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    jobs = json.loads(result.stdout)["jobs"] if result.returncode == 0 else []
    return next((job for job in jobs if job["name"] == name), None)


def _state(home: Path, name: str) -> object:
    job = _job(home, name)
    return None if job is None else job["state"]


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _wait(is_so: Callable[[], bool], what: str, home: Path | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            log = "" if home is None else (home / "executor.log").read_text()
            pytest.fail(f"waited {PATIENCE_S:.0f} s for {what}\n{log}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> int:
    process.send_signal(how)
    return process.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _rss_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
