"""`joulepilot-node` as people start it, with a real inference server as a plain process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.process_files import declare
from components.inference_server.networks import write_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALL = frozenset(os.sched_getaffinity(0))
PATIENCE_S = 60.0
MAX_RSS_KIB = 80 * 1024

pytestmark = pytest.mark.skipif(len(ALL) < 2, reason="needs 2 CPUs to move a job between")


@dataclass
class Node:
    """A home, a served job, and executors started on it."""

    home: Path
    job: subprocess.Popen[bytes]

    def run(self, *more: str) -> subprocess.Popen[bytes]:
        words = ["--node", "here", "--host", "process", "--window-s", "1", "--min-requests", "20"]
        words += ["--tick-s", "0.2", "--settle-s", "0.3", "--confirm-windows", "1", *more]
        with (self.home / "executor.log").open("ab") as log:
            return subprocess.Popen(
                [*_NODE, "run", "--home", str(self.home), *words], stderr=log, stdout=log
            )

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*_NODE, *words, "--home", str(self.home)], capture_output=True, text=True, check=False
        )

    def status(self) -> dict[str, object]:
        result = self.ask("status", "--json")
        return json.loads(result.stdout) if result.returncode == 0 else {}

    def state(self) -> str:
        jobs = self.status().get("jobs")
        return jobs[0]["state"] if jobs else "unknown"

    def affinity(self) -> frozenset[int]:
        return frozenset(os.sched_getaffinity(self.job.pid))

    def log(self) -> str:
        return (self.home / "executor.log").read_text()


_NODE = (sys.executable, "-m", "components.executor")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A small network, served and loaded, that may have one CPU."""
    network, port_file = tmp_path / "mlp-small.onnx", tmp_path / "out"
    write_network("mlp-small", network)
    server = [sys.executable, "-m", "components.inference_server", "--model", str(network)]
    port = _free_port()
    with port_file.open("wb") as out:
        job = subprocess.Popen([*server, "--port", str(port)], stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}"
    _wait(lambda: _answers(f"{url}/readyz"), "the job to be ready")
    load = subprocess.Popen(
        [sys.executable, "-m", "components.inference_server.load", "--rate", "60", url],
        stdout=subprocess.DEVNULL,
    )
    labels = {
        "joulepilot.enable": "true",
        "joulepilot.target-ms": "400",
        "joulepilot.metrics": f"prometheus:{port}/metrics",
        "joulepilot.max-cpus": "1",
    }
    declare(tmp_path / "processes", "mlp", job.pid, labels=labels, program="inference-server")
    try:
        yield Node(tmp_path, job)
    finally:
        for process in (load, job):
            process.kill()
            process.wait()


def test_it_moves_a_real_process_stays_small_and_gives_its_cpus_back(node):
    executor = node.run()
    try:
        _wait(lambda: node.state() == "settled", "the job to settle", node)
        in_force = node.affinity()
        status = node.status()
        rss_kib = _rss_kib(executor.pid)
        ports = _listening_ports(executor.pid)
        explained = node.ask("explain", "mlp").stdout
    finally:
        code = _end(executor, signal.SIGTERM)

    assert len(in_force) == 1
    assert status["jobs"][0]["cpuset"] == ",".join(map(str, in_force))
    assert status["power_source"] == "modelled"
    assert "keeps the target" in explained
    assert rss_kib < MAX_RSS_KIB
    assert ports == []
    assert code == 0
    assert node.affinity() == ALL
    assert not (node.home / "node/control.sock").exists()


def test_killed_in_the_middle_the_next_start_goes_on_and_gives_back_at_its_end(node):
    killed = node.run()
    _wait(lambda: node.affinity() != ALL, "the first change", node)
    _end(killed, signal.SIGKILL)
    assert node.affinity() != ALL

    executor = node.run()
    try:
        _wait(lambda: node.state() == "settled", "the job to settle again", node)
        assert len(node.affinity()) == 1
    finally:
        code = _end(executor, signal.SIGINT)

    assert code == 0
    assert node.affinity() == ALL


def test_killed_and_restarted_in_recommend_everything_is_as_it_was(node):
    killed = node.run()
    _wait(lambda: node.affinity() != ALL, "the first change", node)
    _end(killed, signal.SIGKILL)

    executor = node.run("--mode", "recommend")
    try:
        _wait(lambda: node.affinity() == ALL, "the original", node)
    finally:
        _end(executor, signal.SIGTERM)

    assert node.affinity() == ALL


def test_killed_for_good_restore_alone_puts_everything_back(node):
    killed = node.run()
    _wait(lambda: node.affinity() != ALL, "the first change", node)
    _end(killed, signal.SIGKILL)

    result = node.ask("restore", "--host", "process")

    assert result.returncode == 0, result.stderr
    assert "all originals are back" in result.stdout
    assert node.affinity() == ALL


def test_a_second_executor_of_the_same_home_is_refused_and_named(node):
    first = node.run()
    try:
        _wait(lambda: node.state() != "unknown", "the first executor", node)
        second = node.run()
        code = second.wait(PATIENCE_S)
    finally:
        _end(first, signal.SIGTERM)

    assert code == 1
    assert f'"pid": {first.pid}' in node.log()


def test_verbs_without_an_executor_say_so_and_fail(tmp_path):
    result = Node(tmp_path, None).ask("status")

    assert result.returncode == 1
    assert "joulepilot-node run" in result.stderr


def test_a_docker_engine_that_is_not_there_is_waited_for_not_fatal(tmp_path):
    node = Node(tmp_path, None)
    executor = node.run("--host", "docker", "--docker-socket", str(tmp_path / "none.sock"))
    try:
        _wait(lambda: bool(node.status().get("health")), "a word about the engine", node)
        health = node.status()["health"]
    finally:
        code = _end(executor, signal.SIGTERM)

    assert "none.sock" in " ".join(health)
    assert code == 0


def _wait(is_so: Callable[[], bool], what: str, node: Node | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            log = "" if node is None else node.log()
            pytest.fail(f"waited {PATIENCE_S:.0f} s for {what}\n{log}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> int:
    process.send_signal(how)
    return process.wait(PATIENCE_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _rss_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def _listening_ports(pid: int) -> list[int]:
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = []
    for table in ("tcp", "tcp6"):
        rows = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        cells = [line.split() for line in rows]
        ports += [
            int(row[1].split(":")[1], 16) for row in cells if row[3] == "0A" and row[9] in inodes
        ]
    return ports
