"""Against the engine of this machine, with containers of our own."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.errors import ContainerGoneError, RefusedError
from components.actuation.journal import Journal, restore_all
from components.node.cpuset import format_cpu_list
from components.node.topology import read_online

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(
        shutil.which("busybox") is None, reason="needs busybox (apt-get install busybox-static)"
    ),
]

IMAGE = "joulepilot-test-busybox"
ALL = read_online(Path("/sys"))
ONE = frozenset({min(ALL)})
SPIN = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 600"


def _docker(*words: str, data: bytes | None = None) -> str:
    run = subprocess.run(["docker", *words], input=data, capture_output=True, check=True)
    return run.stdout.decode().strip()


@pytest.fixture(scope="module")
def image() -> str:
    """An image with nothing but busybox, made without a registry where it is missing."""
    if not _docker("images", "-q", IMAGE):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(str(shutil.which("busybox")), "bin/busybox", filter=_runnable)
            for name in ("sh", "sleep"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        _docker("import", "-", IMAGE, data=archive.getvalue())
    return IMAGE


@pytest.fixture
def start(image: str) -> Iterator[Callable[..., str]]:
    """Starts a container and returns its id; removes all at the end."""
    started: list[str] = []

    def run(*options: str) -> str:
        name = f"joulepilot-test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        started.append(_docker("run", "-d", "--name", name, *options, image, "/bin/sh", "-c", SPIN))
        return started[-1]

    yield run
    if started:
        _docker("rm", "-f", *started)


@pytest.fixture
def host() -> Iterator[DockerHost]:
    host = DockerHost()
    yield host
    host.close()


def _runnable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode = 0o755
    return entry


def _allowed_of_first_process(container_id: str) -> str:
    pid = _docker("inspect", "-f", "{{.State.Pid}}", container_id)
    status = Path(f"/proc/{pid}/status").read_text()
    return next(
        line.split()[1] for line in status.splitlines() if line.startswith("Cpus_allowed_list")
    )


def test_a_labelled_container_is_found(host: DockerHost, start: Callable[..., str]) -> None:
    container_id = start("--label", "joulepilot.enable=true")
    (found,) = [c for c in host.containers() if c.id == container_id]
    assert found.labels["joulepilot.enable"] == "true"
    assert found.image == IMAGE
    assert found.image_digest.startswith("sha256:")
    assert found.address.count(".") == 3


def test_host_networking_is_reached_on_this_host(
    host: DockerHost, start: Callable[..., str]
) -> None:
    container_id = start("--network", "host")
    (found,) = [c for c in host.containers() if c.id == container_id]
    assert found.address == "127.0.0.1"


def test_the_kernel_follows_what_is_applied_and_restored(
    host: DockerHost, start: Callable[..., str], tmp_path: Path
) -> None:
    container_id = start()
    assert host.configured_cpus(container_id) == ""
    journal = Journal(tmp_path / "journal")
    journal.record(container_id, "test", "")
    assert host.apply(container_id, ONE) == ONE
    assert _allowed_of_first_process(container_id) == format_cpu_list(ONE)
    assert restore_all(host, journal).complete
    assert host.effective_cpus(container_id) == ALL
    assert _allowed_of_first_process(container_id) == format_cpu_list(ALL)


def test_a_literal_setting_comes_back_as_it_was_written(
    host: DockerHost, start: Callable[..., str]
) -> None:
    literal = ",".join(str(cpu) for cpu in sorted(ALL, reverse=True))
    container_id = start("--cpuset-cpus", literal)
    assert host.configured_cpus(container_id) == literal
    host.apply(container_id, ONE)
    assert host.restore(container_id, literal) == ALL
    assert host.configured_cpus(container_id) == literal


def test_bad_sets_never_reach_the_engine(host: DockerHost, start: Callable[..., str]) -> None:
    container_id = start()
    for cpus in (frozenset[int](), frozenset({max(ALL) + 1})):
        with pytest.raises(RefusedError):
            host.apply(container_id, cpus)
    assert host.configured_cpus(container_id) == ""
    assert host.effective_cpus(container_id) == ALL


def test_cpu_time_is_counted(host: DockerHost, start: Callable[..., str]) -> None:
    container_id = start()
    first_s = host.cpu_time_s(container_id)
    assert first_s > 0
    assert host.cpu_time_s(container_id) >= first_s
    waited_s = host.run_queue_wait_s(container_id)
    assert waited_s is not None
    assert waited_s >= 0


def test_a_paused_container_changes_at_once(host: DockerHost, start: Callable[..., str]) -> None:
    container_id = start()
    _docker("pause", container_id)
    assert container_id in {c.id for c in host.containers()}
    assert host.apply(container_id, ONE) == ONE
    _docker("unpause", container_id)


def test_a_restart_keeps_what_was_applied_and_is_seen(
    host: DockerHost, start: Callable[..., str]
) -> None:
    container_id = start()
    host.apply(container_id, ONE)
    _docker("restart", "-t", "0", container_id)
    assert host.effective_cpus(container_id) == ONE
    assert host.restore(container_id, "") == ALL


def test_stopped_containers_are_gone_but_get_their_setting_back(
    host: DockerHost, start: Callable[..., str]
) -> None:
    container_id = start()
    host.apply(container_id, ONE)
    _docker("stop", "-t", "0", container_id)
    assert container_id not in {c.id for c in host.containers()}
    with pytest.raises(ContainerGoneError, match="not running"):
        host.apply(container_id, ALL)
    assert host.restore(container_id, "") == ALL
    _docker("start", container_id)
    assert host.effective_cpus(container_id) == ALL


def test_removed_containers_are_gone(host: DockerHost, start: Callable[..., str]) -> None:
    container_id = start()
    host.effective_cpus(container_id)
    _docker("rm", "-f", container_id)
    for act in (host.effective_cpus, host.configured_cpus, host.cpu_time_s):
        with pytest.raises(ContainerGoneError):
            act(container_id)
