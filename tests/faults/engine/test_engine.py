"""An engine that is killed, restarted, hung; a real one of our own."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from components.actuation.errors import ContainerGoneError, HostAwayError
from components.actuation.journal import Journal, restore_all
from components.executor.acting import Actor
from components.node.cpuset import format_cpu_list
from components.node.topology import read_online

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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "restarted"])
def test_an_engine_that_is_killed_is_away_and_found_again_and_the_container_runs_on(
    engine, start, host, how
):
    container = start()
    host.apply(container, ONE)

    engine.kill(how)
    with pytest.raises(HostAwayError):
        host.apply(container, OTHER)
    seen_meanwhile = host.effective_cpus(container)  # the kernel tells, whatever the engine does
    engine.start()

    assert seen_meanwhile == ONE
    assert host.apply(container, OTHER) == OTHER


def test_an_engine_that_hangs_is_given_up_in_time_and_goes_on_when_it_does(
    engine, start, host, outcome
):
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
    engine.wait_for(lambda: outcome(host, container, OTHER) == "done", "the engine to go on")


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


def _described(host, container_id):
    return next(c for c in host.containers() if c.id == container_id)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]
