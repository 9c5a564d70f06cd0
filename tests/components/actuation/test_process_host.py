from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.affinity import get_affinity, has_affinity, set_affinity
from components.actuation.errors import ContainerGoneError, RefusedError
from components.actuation.journal import Journal, restore_all
from components.actuation.process_files import declare, key_of, read_process_key
from components.actuation.process_host import ProcessHost
from components.node.topology import read_online

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
ALL = frozenset(os.sched_getaffinity(0))
ONE = frozenset({min(ALL)})
PROGRAM = """
import sys, threading, time
def wait(): threading.Event().wait()
def spawn():
    threading.Thread(target=spawn, daemon=True).start()
    time.sleep(0.03)
for _ in range(3): threading.Thread(target=wait, daemon=True).start()
if "spawn" in sys.argv: spawn()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return tmp_path / "processes"


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process of four threads; with "spawn" each starts the next, all along."""
    arguments = [sys.executable, "-c", PROGRAM, getattr(request, "param", "")]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child
        child.kill()


@pytest.fixture
def host(registry: Path, process: subprocess.Popen[str]) -> ProcessHost:
    declare(registry, "web", process.pid, labels={"joulepilot.enable": "true"}, program="server")
    return ProcessHost(registry)


def _affinities(pid: int) -> set[frozenset[int]]:
    threads = (PROC / str(pid) / "task").iterdir()
    return {frozenset(os.sched_getaffinity(int(thread.name))) for thread in threads}


def test_a_declared_process_is_listed(host: ProcessHost) -> None:
    (container,) = host.containers()
    assert (container.name, container.image, container.address) == ("web", "server", "127.0.0.1")
    assert container.labels == {"joulepilot.enable": "true"}
    assert container.image_digest.startswith("sha256:")


def test_every_thread_gets_the_cpus(host: ProcessHost, process: subprocess.Popen[str]) -> None:
    (container,) = host.containers()
    assert host.apply(container.id, ONE) == ONE
    assert _affinities(process.pid) == {ONE}
    assert host.effective_cpus(container.id) == ONE
    assert host.apply(container.id, ALL) == ALL
    assert _affinities(process.pid) == {ALL}


@pytest.mark.parametrize("process", ["spawn"], indirect=True)
def test_threads_that_start_meanwhile_get_them_too(process: subprocess.Popen[str]) -> None:
    for cpus in (ONE, ALL) * 15:
        set_affinity(PROC, process.pid, cpus)
        assert has_affinity(PROC, process.pid, cpus)


def test_a_thread_that_pinned_itself_is_brought_along(
    host: ProcessHost, process: subprocess.Popen[str]
) -> None:
    (container,) = host.containers()
    thread = max(int(t.name) for t in (PROC / str(process.pid) / "task").iterdir())
    os.sched_setaffinity(thread, ONE)
    assert host.apply(container.id, ALL) == ALL
    assert _affinities(process.pid) == {ALL}


def test_the_original_comes_back(
    host: ProcessHost, process: subprocess.Popen[str], tmp_path: Path
) -> None:
    (container,) = host.containers()
    journal = Journal(tmp_path / "journal")
    journal.record(container.id, "web", host.configured_cpus(container.id))
    host.apply(container.id, ONE)
    assert restore_all(host, journal).complete
    assert _affinities(process.pid) == {ALL}


def test_a_process_pinned_by_its_owner_is_pinned_again(
    host: ProcessHost, process: subprocess.Popen[str]
) -> None:
    (container,) = host.containers()
    other = frozenset({max(ALL)})
    set_affinity(PROC, process.pid, other)
    original = host.configured_cpus(container.id)
    host.apply(container.id, ONE)
    assert host.restore(container.id, original) == other


@pytest.mark.parametrize("cpus", [frozenset(), frozenset({8191})])
def test_empty_and_absent_cpus_are_refused(
    host: ProcessHost, process: subprocess.Popen[str], cpus: frozenset[int]
) -> None:
    (container,) = host.containers()
    with pytest.raises(RefusedError, match="choose from"):
        host.apply(container.id, cpus)
    assert _affinities(process.pid) == {ALL}


def test_cpu_time_and_waiting_grow_with_work(registry: Path) -> None:
    declare(registry, "self", os.getpid(), labels={}, program="test")
    host = ProcessHost(registry)
    (container,) = host.containers()
    before_s = host.cpu_time_s(container.id)
    waited_s = host.run_queue_wait_s(container.id)
    deadline = time.monotonic() + 30
    while host.cpu_time_s(container.id) < before_s + 0.05:
        sum(range(100_000))
        assert time.monotonic() < deadline
    assert waited_s is not None
    assert (host.run_queue_wait_s(container.id) or 0.0) >= waited_s


def test_what_has_ended_is_gone(host: ProcessHost, process: subprocess.Popen[str]) -> None:
    (container,) = host.containers()
    process.kill()
    process.wait()
    assert host.containers() == ()
    for act in (host.effective_cpus, host.configured_cpus, host.cpu_time_s, host.run_queue_wait_s):
        with pytest.raises(ContainerGoneError, match="it has ended"):
            act(container.id)
    with pytest.raises(ContainerGoneError):
        host.apply(container.id, ONE)


def test_a_dead_process_that_was_not_awaited_is_gone(
    host: ProcessHost, process: subprocess.Popen[str]
) -> None:
    process.kill()
    deadline = time.monotonic() + 30
    while host.containers():
        assert time.monotonic() < deadline
    with pytest.raises(ContainerGoneError):
        read_process_key(process.pid, PROC)


def test_a_process_that_took_over_the_number_is_never_touched(
    registry: Path, process: subprocess.Popen[str]
) -> None:
    path = declare(registry, "web", process.pid, labels={}, program="server")
    document = json.loads(path.read_text())
    document["key"]["start_ticks"] -= 1
    path.write_text(json.dumps(document))
    host = ProcessHost(registry)
    assert host.containers() == ()
    stale = f"web@{process.pid}-{document['key']['start_ticks']}-{document['key']['boot']}"
    for act in (lambda: host.apply(stale, ONE), lambda: host.restore(stale, "0")):
        with pytest.raises(ContainerGoneError):
            act()
    assert _affinities(process.pid) == {ALL}


def test_what_is_no_id_of_a_process_is_refused_and_not_taken_for_gone() -> None:
    with pytest.raises(RefusedError, match="no id of a declared process"):
        key_of("9cdffedcecb6")


def test_it_can_be_restored_after_its_file_was_removed(
    host: ProcessHost, registry: Path, process: subprocess.Popen[str]
) -> None:
    (container,) = host.containers()
    host.apply(container.id, ONE)
    (registry / "web.json").unlink()
    assert host.containers() == ()
    assert host.restore(container.id, "") == ALL


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x", "key": 3}', "null"])
def test_a_file_that_declares_nothing_is_logged_and_spares_the_others(
    host: ProcessHost, registry: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (registry / "bad.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert [c.name for c in host.containers()] == ["web"]
    assert str(registry / "bad.json") in caplog.text


@pytest.mark.parametrize("name", ["", "../web", ".hidden", "a/b", "x" * 65])
def test_a_name_that_is_no_file_name_is_refused(registry: Path, name: str) -> None:
    with pytest.raises(RefusedError, match="no plain name"):
        declare(registry, name, os.getpid(), labels={}, program="test")
    assert not registry.exists()


def test_a_process_that_does_not_run_cannot_be_declared(
    registry: Path, process: subprocess.Popen[str]
) -> None:
    process.kill()
    process.wait()
    with pytest.raises(ContainerGoneError):
        declare(registry, "web", process.pid, labels={}, program="server")


def test_without_cgroups_the_online_cpus_bound_it(
    registry: Path, process: subprocess.Popen[str], tmp_path: Path
) -> None:
    declare(registry, "web", process.pid, labels={}, program="server")
    host = ProcessHost(registry, cgroup=tmp_path / "none")
    (container,) = host.containers()
    assert host.apply(container.id, ONE) == ONE
    with pytest.raises(RefusedError):
        host.apply(container.id, frozenset({max(read_online(Path("/sys"))) + 1}))


def test_the_affinity_of_nobody_is_gone() -> None:
    with pytest.raises(ContainerGoneError):
        get_affinity(PROC, 2**22 + 1)
