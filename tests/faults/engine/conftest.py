"""A Docker engine of our own, to be killed; the shared one is left alone."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.errors import ContainerGoneError
from components.errors import JoulepilotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "joulepilot-fault-busybox"
PATIENCE_S = 60.0


class Engine:
    """A dockerd with roots, a network namespace and a socket of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "docker.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, live_restore: bool = True) -> None:
        options = ["--live-restore"] if live_restore else []
        roots = [
            "--data-root", self.root / "data", "--exec-root", self.root / "exec",
            "--pidfile", self.root / "pid", "--host", f"unix://{self.socket}",
        ]  # fmt: skip
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "-n", "dockerd", "--bridge", "none", "--iptables=false",
                 "--storage-driver", "vfs", *map(str, roots), *options],
                stdout=log, stderr=log,
            )  # fmt: skip
        self.wait_for(self._answers, "the engine to answer")

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        (self.root / "pid").unlink(missing_ok=True)
        for file in self.root.glob("exec/containerd/containerd.pid"):
            pid = int(file.read_text())
            # it dies with the engine
            self.wait_for(partial(_has_ended, pid), "its containerd to end")
            file.unlink(missing_ok=True)

    def docker(self, *words: str, data: bytes | None = None, check: bool = True) -> str:
        run = subprocess.run(
            ["docker", "-H", f"unix://{self.socket}", *words],
            input=data, capture_output=True, check=check,
        )  # fmt: skip
        return run.stdout.decode().strip()

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < until_s, f"waited for {what}: {self._end_of_log()}"
            time.sleep(0.1)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._end_of_log()
        return bool(self.docker("version", "-f", "{{.Server.Version}}", check=False))

    def _end_of_log(self) -> str:
        return (self.root / "log").read_text()[-2000:]


def outcome_of(host: DockerHost, container: str, cpus: frozenset[int]) -> str:
    try:
        return "done" if host.apply(container, cpus) == cpus else "other"
    except ContainerGoneError:
        return "gone"
    except JoulepilotError:
        return "error"


@pytest.fixture
def outcome() -> Callable[[DockerHost, str, frozenset[int]], str]:
    """What comes of a change: `done`, `other`, `gone` or `error`."""
    return outcome_of


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    root = Path(tempfile.mkdtemp(prefix="jp-engine-"))  # not pytest's: sockets have short names
    engine = Engine(root)
    engine.start()
    engine.docker("import", "-", IMAGE, data=_image())
    yield engine
    if engine.process.poll() is not None:
        engine.start()
    ids = engine.docker("ps", "-aq").split()
    if ids:
        engine.docker("rm", "-f", *ids, check=False)
    engine.kill(signal.SIGTERM)
    # what runs containers may outlive the engine, as it does where live-restore is on
    for pid_file in root.glob("exec/containerd/*.pid"):
        _end(int(pid_file.read_text()))
    for mount in sorted(_mounts_below(root), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def start(engine: Engine) -> Iterator[Callable[..., str]]:
    """Starts a container and returns its id; removes all at the end."""
    started: list[str] = []

    def run(*options: str, command: str = "sleep 3600", name: str | None = None) -> str:
        words = ["--name", name or f"fault-{uuid.uuid4().hex[:8]}", "--network", "none"]
        words += ["--stop-timeout", "0", *options]
        started.append(engine.docker("run", "-d", *words, IMAGE, "/bin/sh", "-c", command))
        return started[-1]

    yield run
    if engine.process.poll() is not None:
        engine.start()
    if started:
        engine.docker("rm", "-f", *started, check=False)


@pytest.fixture
def host(engine: Engine) -> Iterator[DockerHost]:
    host = DockerHost(engine.socket, timeout_s=3.0)
    yield host
    host.close()


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def _mounts_below(root: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(str(root))]


def _image() -> bytes:
    """An image with nothing but busybox."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(str(shutil.which("busybox")), "bin/busybox", filter=_runnable)
        for name in ("sh", "sleep"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive.getvalue()


def _runnable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode = 0o755
    return entry
