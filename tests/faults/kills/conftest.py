"""Real containers that look like servers under load, and executors that are killed over them."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.journal import Journal
from components.executor.node_home import NodeHome
from components.node.cpuset import format_cpu_list, parse_cpu_list
from components.node.topology import read_online

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "joulepilot-fault-server:latest"
ALL = read_online(Path("/sys"))
ORIGINALS = ("", format_cpu_list(ALL), format_cpu_list(sorted(ALL)[:1]))
"""What the owner set: nothing, all CPUs, one of them."""
PATIENCE_S = 60.0
SERVER = """
n=0; mkdir -p /www
while :; do
  n=$((n+20))
  {
    echo "nv_inference_request_success $n"; echo "nv_inference_request_failure 0"
    echo "nv_inference_count $n"; echo "nv_inference_request_duration_us $((n*10000))"
  } > /www/new
  mv /www/new /www/metrics; sleep 0.1
done &
exec httpd -f -p 8002 -h /www
"""
"""Triton's page, as of a server that answers 200 requests a second in 10 ms each."""
JOB = """
[jobs.{name}]
target-ms = 400
metrics = "triton:8002/metrics"
max-cpus = 1
"""
"""Said in a file and not by labels, so that executors of other tests let these containers be; and
a label keeps ours off those of others."""
QUICK = (
    *("--window-s", "0.3", "--tick-s", "0.1", "--settle-s", "0.05", "--min-requests", "20"),
    *("--confirm-windows", "1", "--holdback", "0", "--power", "model"),
)
DIES = """
import importlib, os, signal, sys

def hook(where, when, nth):
    module, _, path = where.partition(":")
    *outer, name = path.split(".")
    owner = importlib.import_module(module)
    for part in outer:
        owner = getattr(owner, part)
    plain, count = getattr(owner, name), 0

    def hooked(*arguments, **named):
        nonlocal count
        count += 1
        if (when, count) == ("before", nth):
            os.kill(os.getpid(), signal.SIGKILL)
        result = plain(*arguments, **named)
        if (when, count) == ("after", nth):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, hooked)

hook(sys.argv[1], sys.argv[2], int(sys.argv[3]))
from components.executor.cli import main
sys.exit(main(sys.argv[4:]))
"""
"""`joulepilot-node` that is killed before or after the nth time that something is called."""


@dataclass
class Fleet:
    """Containers of one test, an executor's home, and the executors that were started."""

    home: Path
    tag: str
    host: DockerHost
    originals: dict[str, str] = field(default_factory=dict)
    """By container id."""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """As of an installed executor, which has its bytecode: it starts often here."""
        kept = {key: v for key, v in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        return kept | {"PYTHONPYCACHEPREFIX": str(self.home / "bytecode")}

    def name(self, number: int) -> str:
        """What a container is called."""
        return f"joulepilot-kills-{self.tag}-{number}"

    def run(self, *more: str, home: Path | None = None) -> subprocess.Popen[bytes]:
        """Start an executor."""
        return self._spawn((sys.executable, "-m", "components.executor"), more, home)

    def run_to_die(self, where: str, when: str, nth: int) -> subprocess.Popen[bytes]:
        """Start one that kills itself at a step."""
        return self._spawn((sys.executable, "-c", DIES, where, when, str(nth)), (), None)

    def ask(self, *words: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "components.executor", *words]
        command += ["--home", str(home or self.home)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.environment
        )

    def hold(self, number: int, cpu: int, *, home: Path) -> bool:
        """Ask an executor to keep a container on one CPU; whether it could be asked."""
        words = ("hold", self.name(number), "--cpus", str(cpu), "--why", "asked by a test")
        return self.ask(*words, home=home).returncode == 0

    def cpus(self, number: int) -> frozenset[int]:
        """What a container has, by the kernel."""
        return self.host.effective_cpus(list(self.originals)[number])

    def end(self, process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> int:
        process.send_signal(how)
        return process.wait(PATIENCE_S)

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < until_s, f"waited for {what}:\n{self.log()[-3000:]}"
            time.sleep(0.01)

    def log(self) -> str:
        return (self.home / "executor.log").read_text()

    def manage_from(self, home: Path) -> None:
        """Let executors of a home manage these containers."""
        file = NodeHome(home).jobs_file
        file.parent.mkdir(parents=True, exist_ok=True)
        named = [c.name for c in self.host.containers() if c.id in self.originals]
        file.write_text("".join(JOB.format(name=name) for name in named))

    def has_moved(self) -> bool:
        """Whether some container is not on what its owner gave it."""
        return any(self.host.effective_cpus(c) != self.wanted(c) for c in self.originals)

    def is_as_it_was(self) -> bool:
        return not self.has_moved()

    def wanted(self, container: str) -> frozenset[int]:
        return parse_cpu_list(self.originals[container]) or ALL

    def check_journal(self) -> None:
        """Hold that whatever is changed can be put back, by what is on the disk now."""
        journal = Journal(NodeHome(self.home).journal)
        assert not journal.health
        kept = journal.originals()
        for container in self.originals:
            wanted = self.wanted(container)
            if self.host.effective_cpus(container) != wanted:
                # the engine cannot unset a cpuset: what was unset comes back as all CPUs
                assert (parse_cpu_list(kept[container].configured) or ALL) == wanted

    def _spawn(
        self, program: tuple[str, ...], more: tuple[str, ...], home: Path | None
    ) -> subprocess.Popen[bytes]:
        words = ["run", "--home", str(home or self.home), "--node", "here", "--host", "docker"]
        words += ["--only-label", f"fleet={self.tag}", *QUICK, *more]
        with (self.home / "executor.log").open("ab") as log:
            command = [*program, *words]
            self.running.append(
                subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
            )
        return self.running[-1]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Three containers whose owner set them differently."""
    _make_image()
    tag, host = uuid.uuid4().hex[:8], DockerHost()
    fleet = Fleet(tmp_path, tag, host)
    try:
        for number, original in enumerate(ORIGINALS):
            own = ["--name", fleet.name(number), "--label", f"fleet={tag}"]
            own += ["--stop-signal", "SIGKILL"]
            own += ["--cpuset-cpus", original] if original else []
            done = _docker("run", "-d", *own, IMAGE, "/bin/sh", "-c", SERVER)
            fleet.originals[done.stdout.decode().strip()] = original
        fleet.manage_from(tmp_path)
        yield fleet
    finally:
        for process in fleet.running:
            process.kill()
            process.wait()
        if fleet.originals:
            _docker("rm", "-f", *fleet.originals)
        host.close()


def _make_image() -> None:
    there = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if there.returncode == 0:
        return
    busybox = shutil.which("busybox")
    assert busybox is not None, "apt-get install busybox-static"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(os.path.realpath(busybox), "bin/busybox")
        for name in ("sh", "sleep", "mkdir", "mv", "httpd"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    _docker("import", "-", IMAGE, data=content.getvalue())


def _docker(*words: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["docker", *words], input=data, check=True, capture_output=True)
