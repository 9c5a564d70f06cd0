"""Faults of a Docker engine of our own, and of its containers. The shared engine is left alone."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.errors import ContainerGoneError, HostAwayError
from components.actuation.journal import Journal, restore_all
from components.errors import JoulepilotError
from components.executor.acting import Actor
from components.node.cpuset import format_cpu_list
from components.node.topology import read_online

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("dockerd") is None or shutil.which("busybox") is None,
        reason="needs root, dockerd and busybox (apt-get install docker.io busybox-static)",
    ),
    pytest.mark.skipif(os.cpu_count() == 1, reason="needs 2 CPUs to move a container between"),
]

ALL = read_online(Path("/sys"))
ONE, OTHER = (frozenset({cpu}) for cpu in sorted(ALL)[:2])
IMAGE = "joulepilot-fault-busybox"
PATIENCE_S = 60.0
WRITER = """
import random, sys
from pathlib import Path
from components.actuation.docker_host import DockerHost
from components.actuation.journal import Journal
from components.errors import JoulepilotError
from components.executor.acting import Actor

home, socket, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
host = DockerHost(socket)
actor = Actor(host, Journal(home / "journal.json"))
containers = [c for c in host.containers() if c.name.startswith(sys.argv[4])]
choice = random.Random(seed)
sets = [frozenset({0}), frozenset({1}), frozenset({0, 1})]
print("begun", flush=True)
while True:
    try:
        actor.set(choice.choice(containers), choice.choice(sets))
    except JoulepilotError:
        pass
"""


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


@pytest.fixture(scope="module")
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


def test_an_engine_that_is_killed_is_away_and_found_again_and_the_container_runs_on(
    engine, start, host
):
    container = start()
    host.apply(container, ONE)

    engine.kill()
    with pytest.raises(HostAwayError):
        host.apply(container, OTHER)
    seen_meanwhile = host.effective_cpus(container)  # the kernel tells, whatever the engine does
    engine.start()

    assert seen_meanwhile == ONE
    assert host.apply(container, OTHER) == OTHER


def test_an_engine_that_hangs_is_given_up_in_time_and_goes_on_when_it_does(engine, start, host):
    container = start()
    host.apply(container, ONE)

    engine.process.send_signal(signal.SIGSTOP)
    children = _children(engine.process.pid)
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        began_s = time.monotonic()
        with pytest.raises(HostAwayError):
            host.apply(container, OTHER)
        waited_s = time.monotonic() - began_s
    finally:
        for pid in (*children, engine.process.pid):
            os.kill(pid, signal.SIGCONT)

    assert waited_s < 15
    engine.wait_for(lambda: _applies(host, container, OTHER), "the engine to go on")


def test_without_live_restore_containers_stop_and_get_their_setting_back(
    engine, start, host, tmp_path
):
    container = start("--cpuset-cpus", format_cpu_list(ALL))
    journal = Journal(tmp_path / "journal.json")
    actor = Actor(host, journal)
    actor.set(_described(host, container), ONE)
    engine.kill(signal.SIGTERM)
    engine.start(live_restore=False)
    engine.docker("start", container)
    engine.kill(signal.SIGTERM)
    engine.start()

    with pytest.raises(ContainerGoneError):
        host.apply(container, OTHER)
    report = restore_all(host, journal)
    engine.docker("start", container)

    assert report.complete
    assert host.effective_cpus(container) == ALL


@pytest.mark.parametrize("what", ["restart", "pause", "rename", "kill", "rm"])
def test_whatever_befalls_a_container_in_an_update_is_an_error_of_ours_or_done(
    engine, start, host, what
):
    container = start()
    words = {"rename": ["rename", container, f"renamed-{uuid.uuid4().hex[:6]}"]}
    words |= {"rm": ["rm", "-f", container], "restart": ["restart", "-t", "0", container]}
    happens = threading.Thread(
        target=engine.docker, args=words.get(what, [what, container]), kwargs={"check": False}
    )
    outcomes = []

    happens.start()
    while happens.is_alive():
        outcomes.append(_outcome(host, container, ONE if len(outcomes) % 2 else OTHER))
    happens.join()

    assert outcomes
    if what in {"kill", "rm"}:
        engine.wait_for(lambda: _outcome(host, container, ONE) == "gone", "it to be gone")
    else:
        assert host.apply(container, ONE) == ONE
        assert host.effective_cpus(container) == ONE


def test_a_container_killed_for_memory_in_an_update_is_gone(engine, start, host):
    grow = "sleep 1; /bin/busybox tail /dev/zero"  # one line without an end
    container = start("--memory", "16m", "--memory-swap", "16m", command=grow)

    until_s = time.monotonic() + PATIENCE_S
    outcomes = set()
    while "gone" not in outcomes and time.monotonic() < until_s:
        outcomes.add(_outcome(host, container, ONE if len(outcomes) % 2 else OTHER))

    assert "gone" in outcomes


def test_a_foreign_update_and_a_direct_write_are_noticed(engine, start, host, tmp_path):
    container = start()
    actor = Actor(host, Journal(tmp_path / "journal.json"))
    described = _described(host, container)
    actor.set(described, ONE)

    engine.docker("update", "--cpuset-cpus", format_cpu_list(OTHER), container)
    by_update = actor.look(described, ONE)
    actor.set(described, ONE)
    file = _cpuset_file(engine, container)
    file.write_text(format_cpu_list(OTHER))
    by_write = actor.look(described, ONE)

    assert (by_update.cpus, by_update.is_foreign) == (OTHER, True)
    assert by_write.cpus == OTHER
    assert host.apply(container, ONE) == ONE  # also where the engine believes it is so already


def test_killed_at_any_moment_the_originals_come_back(engine, start, host, tmp_path, at_length):
    prefix = f"kills-{uuid.uuid4().hex[:6]}"
    originals = ["", format_cpu_list(ONE), format_cpu_list(ALL)]
    ids = {
        start(*(["--cpuset-cpus", text] if text else []), name=f"{prefix}-{number}"): text
        for number, text in enumerate(originals)
    }
    n_kills, times_s = at_length(4, 200), []
    chance = random.Random(5)  # noqa: S311 - no secret

    for number in range(n_kills):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(engine.socket), str(number), prefix],
            stdout=subprocess.PIPE,
        )
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.15))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        began_s = time.monotonic()
        journal = Journal(tmp_path / "journal.json")
        assert not journal.health
        report = restore_all(host, journal)
        times_s.append(time.monotonic() - began_s)
        assert report.complete
        assert not journal.originals()
        for container, text in ids.items():
            wanted = ALL if text in {"", format_cpu_list(ALL)} else ONE
            assert host.effective_cpus(container) == wanted

    assert sorted(times_s)[int(0.99 * (len(times_s) - 1))] < 1.5


@pytest.mark.slow
def test_fifty_containers_are_moved_and_given_back(start, host, tmp_path):
    ids = [start() for _ in range(50)]
    journal = Journal(tmp_path / "journal.json")
    actor = Actor(host, journal)
    described = {c.id: c for c in host.containers()}

    for container in ids:
        assert actor.set(described[container], ONE) == ONE
    report = restore_all(host, journal)

    assert report.complete
    assert all(host.effective_cpus(container) == ALL for container in ids)


def _outcome(host: DockerHost, container: str, cpus: frozenset[int]) -> str:
    try:
        return "done" if host.apply(container, cpus) == cpus else "other"
    except ContainerGoneError:
        return "gone"
    except JoulepilotError:
        return "error"


def _applies(host: DockerHost, container: str, cpus: frozenset[int]) -> bool:
    return _outcome(host, container, cpus) == "done"


def _described(host: DockerHost, container_id: str):
    return next(c for c in host.containers() if c.id == container_id)


def _cpuset_file(engine: Engine, container: str) -> Path:
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", container)
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpuset" in controllers.split(","):
            return Path("/sys/fs/cgroup/cpuset") / path.strip("/") / "cpuset.cpus"
    path = Path(f"/proc/{pid}/cgroup").read_text().strip().split(":", 2)[2]
    return Path("/sys/fs/cgroup") / path.strip("/") / "cpuset.cpus"


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


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
