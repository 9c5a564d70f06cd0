"""Work in a real container that waits for clean power, and is done by its deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.docker_host import DockerHost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[4]
NODE = (sys.executable, "-m", "components.executor")
PATIENCE_S = 120.0
WORK_CPU_S = 5.0
PROGRAM = f"import time\nwhile time.process_time() < {WORK_CPU_S}: pass"

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.cpu_count() == 1, reason="needs 2 CPUs to narrow a container"),
]


@dataclass
class Rig:
    """A container with work, and the home of executors that manage it alone."""

    home: Path
    name: str
    until_s: float

    def run(self) -> subprocess.Popen[bytes]:
        words = ["--home", str(self.home), "--node", "here", "--host", "docker"]
        words += ["--only-label", f"joulepilot-test={self.name}", "--window-s", "1"]
        with (self.home / "executor.log").open("ab") as log:
            return subprocess.Popen(
                [*NODE, "run", *words, "--tick-s", "0.3"], stderr=log, stdout=log
            )

    def ask(self, *words: str) -> str:
        done = subprocess.run(
            [*NODE, *words, "--home", str(self.home)], capture_output=True, text=True, check=False
        )
        return done.stdout

    def carbon(self, now: float, later: float) -> None:
        """So many grams a kWh now, and so many from shortly before the deadline on."""
        now_s = time.time()
        rows = (f"{now_s - 60},{now}", f"{self.until_s - 60},{later}", f"{now_s + 7200},{later}")
        path = self.home / "carbon.csv"
        path.with_suffix(".new").write_text("\n".join(["time,value", *rows, ""]))
        path.with_suffix(".new").rename(path)

    def inspect(self, what: str) -> str:
        return _docker("inspect", "-f", f"{{{{{what}}}}}", self.name)

    def is_paused(self) -> bool:
        return self.inspect(".State.Paused") == "true"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    build = ["sh", str(REPOSITORY / "deployments/images/build_base_image.sh")]
    image = subprocess.run(build, capture_output=True, text=True, check=True).stdout.strip()
    name, until_s = f"joulepilot-test-{uuid.uuid4().hex[:8]}", time.time() + 180.0
    made = Rig(tmp_path, name, until_s)
    made.carbon(now=400.0, later=100.0)
    (tmp_path / "node").mkdir()
    (tmp_path / "node/administrator.toml").write_text(
        f'[weights]\ncarbon = 1.0\n[signals.carbon]\nsource = "{tmp_path}/carbon.csv"\n'
    )
    labels = {
        "joulepilot-test": name,
        "joulepilot.enable": "true",
        "joulepilot.deferrable-until": time.strftime(
            "%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(until_s)
        ),
        "joulepilot.work": str(WORK_CPU_S),
        "joulepilot.max-cpus": "1",
    }
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    _docker("run", "-d", "--name", name, *words, image, "python3", "-c", PROGRAM)
    try:
        yield made
    finally:
        _docker("rm", "-f", name)


def test_it_waits_survives_a_crash_and_is_done_by_its_deadline_on_fewer_cpus(rig):
    killed = rig.run()
    _wait(rig.is_paused, "it to be paused", rig)
    host = DockerHost()
    try:
        stood_s = host.cpu_time_s(rig.inspect(".Id"))
        why = rig.ask("explain", rig.name)
        _end(killed, signal.SIGKILL)
        left_behind = rig.is_paused()
        still_s = host.cpu_time_s(rig.inspect(".Id"))
        restored = rig.ask("restore")
        runs_again = not rig.is_paused()
    finally:
        host.close()
    rig.carbon(now=100.0, later=400.0)

    executor = rig.run()
    try:
        _wait(lambda: rig.inspect(".State.Status") == "exited", "it to be done", rig)
        done_s, cpuset = time.time(), rig.inspect(".HostConfig.CpusetCpus")
    finally:
        code = _end(executor, signal.SIGTERM)

    assert stood_s == still_s
    assert stood_s < WORK_CPU_S
    assert "paused, because: a joule costs 0.000111 now and 2.78e-05 then" in why
    assert "goes on: " in why
    assert left_behind
    assert "it runs again" in restored
    assert runs_again
    assert rig.inspect(".State.ExitCode") == "0"
    assert len(cpuset) == 1
    assert done_s < rig.until_s
    assert code == 0


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _wait(is_so: Callable[[], bool], what: str, rig: Rig) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail(f"waited for {what}\n{(rig.home / 'executor.log').read_text()}")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> int:
    process.send_signal(how)
    return process.wait(PATIENCE_S)
