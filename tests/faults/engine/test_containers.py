"""What befalls containers while they are changed, and writers that are killed; a real engine."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.journal import Journal, restore_all
from components.executor.acting import Actor
from components.node.cpuset import format_cpu_list
from components.node.topology import read_online

if TYPE_CHECKING:
    from components.actuation.docker_host import DockerHost

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


@pytest.mark.parametrize("what", ["restart", "pause", "rename", "kill", "rm"])
def test_whatever_befalls_a_container_in_an_update_is_an_error_of_ours_or_done(
    engine, start, host, what, outcome
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
        outcomes.append(outcome(host, container, ONE if len(outcomes) % 2 else OTHER))
    happens.join()

    assert outcomes
    if what in {"kill", "rm"}:
        engine.wait_for(lambda: outcome(host, container, ONE) == "gone", "it to be gone")
    else:
        assert host.apply(container, ONE) == ONE
        assert host.effective_cpus(container) == ONE


def test_a_container_killed_for_memory_in_an_update_is_gone(start, host, outcome):
    grow = "sleep 1; /bin/busybox tail /dev/zero"  # one line without an end
    container = start("--memory", "16m", "--memory-swap", "16m", command=grow)

    until_s = time.monotonic() + PATIENCE_S
    outcomes = set()
    while "gone" not in outcomes and time.monotonic() < until_s:
        outcomes.add(outcome(host, container, ONE if len(outcomes) % 2 else OTHER))

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
    n_kills, times_s = at_length(2, 200), []
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


def _described(host: DockerHost, container_id: str):
    return next(c for c in host.containers() if c.id == container_id)


def _cpuset_file(engine, container: str) -> Path:
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", container)
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpuset" in controllers.split(","):
            return Path("/sys/fs/cgroup/cpuset") / path.strip("/") / "cpuset.cpus"
    path = Path(f"/proc/{pid}/cgroup").read_text().strip().split(":", 2)[2]
    return Path("/sys/fs/cgroup") / path.strip("/") / "cpuset.cpus"
