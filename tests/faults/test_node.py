"""Faults of the node under the executor: disks, CPUs, starvation, crowds, and a long time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

import components.durable_file
from components.actuation.errors import JournalError
from components.actuation.journal import Journal
from components.executor.madeup_ports import ports_of
from components.executor.state import StateStore
from components.madeup.job import MadeUpJob
from components.madeup.node import MadeUpNode, job_labels
from components.madeup.reference_node import ReferenceResponse, reference_table
from components.madeup.state import NodeCharacter
from components.telemetry.sample import Arm

TARGET_MS = 7.0


@pytest.fixture(params=[errno.ENOSPC, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
def broken_disk(request, monkeypatch):
    """From when it is called, everything that is to be made durable fails as such a disk does."""

    def broken():
        def fail(_descriptor):
            raise OSError(request.param, os.strerror(request.param))

        monkeypatch.setattr(components.durable_file.os, "fsync", fail)

    yield broken
    monkeypatch.undo()


def test_without_a_disk_for_its_journal_no_container_is_changed(world, broken_disk):
    world.start()
    world.run(2)
    broken_disk()

    world.run(60)

    assert world.cpus() == world.ports.topology.ids
    assert any("journal" in line for line in world.executor.heartbeat().health)


def test_a_disk_that_fails_later_on_ends_nothing_and_is_told(world, broken_disk):
    world.start()
    world.settle()
    broken_disk()
    world.node.scale_rate("resnet", 1.15)

    world.run(120)

    assert world.node.true_latency_ms("resnet") <= TARGET_MS * 1.002
    assert len(world.executor.runs) == 1


def test_what_a_broken_disk_refused_is_not_claimed_to_be_kept(tmp_path, broken_disk):
    journal = Journal(tmp_path / "journal.json")
    journal.record("a", "a", "0-3")
    broken_disk()

    with pytest.raises(JournalError):
        journal.record("b", "b", "")

    assert set(journal.originals()) == set(Journal(tmp_path / "journal.json").originals()) == {"a"}


def test_state_that_cannot_be_written_is_told_and_kept_in_memory(tmp_path, broken_disk):
    store = StateStore(tmp_path / "state.json")
    broken_disk()

    store.change(paused=True)

    assert store.state.paused
    assert "cannot be written" in store.health[0]


def test_cpus_that_go_and_come_back_while_it_searches(world):
    world.start()
    rng = np.random.default_rng(0)
    for _ in range(12):
        world.run(int(rng.integers(2, 15)))
        gone = frozenset(int(cpu) for cpu in rng.choice(128, 40, replace=False))
        world.node.take_offline(gone)
        world.run(int(rng.integers(2, 15)))
        assert world.cpus()
        assert not world.cpus() & gone
        world.node.bring_online(gone)

    world.settle()
    world.run(60)
    assert world.node.true_latency_ms("resnet") <= TARGET_MS * 1.003


def test_strangers_that_starve_its_cpus_are_seen_and_teach_it_nothing_lasting(world):
    world.start()
    world.settle()
    before = world.cpus()

    n_before = len(world.published.samples)
    world.node.disturb(dict.fromkeys(before, 1.0))
    world.run(60)
    contended = [s.contended for s in list(world.published.samples)[n_before:]]
    world.node.disturb({})
    world.run(900)

    assert any(contended)
    assert world.node.true_latency_ms("resnet") <= TARGET_MS * 1.003
    assert len(world.cpus()) < 100


def test_a_storm_of_containers_coming_and_going_is_survived(world):
    world.start()
    rng = np.random.default_rng(1)
    names = [f"storm-{n}" for n in range(8)]
    running = set()
    for _ in range(150):
        name = names[int(rng.integers(8))]
        if name in running:
            world.node.kill(name)
            running.remove(name)
        else:
            world.node.start(_job(name, mode="recommend"))
            running.add(name)
        world.run(1)
    for name in running:
        world.node.kill(name)

    world.run(10)
    world.settle()

    assert [run.name for run in world.executor.runs] == ["resnet"]
    assert set(world.journal.originals()) == {world.node.container("resnet").id}


def test_five_hundred_containers_are_watched_together(tmp_path, world, at_length):
    n_jobs, n_ticks = at_length(50, 500), 6
    jobs = [_job(f"job-{number}", mode="recommend") for number in range(n_jobs)]
    character = NodeCharacter(reference_table().topology, 76.0, 0, 0.002)
    world.node = MadeUpNode(tmp_path / "crowd", character, jobs, name="crowd")
    world.ports = ports_of(world.node, "crowd")
    executor = world.start()
    reads = 0
    read = world.node.host.cpu_time_s

    def counted(container_id):
        nonlocal reads
        reads += 1
        return read(container_id)

    world.node.host.cpu_time_s = counted
    for _ in range(n_ticks):
        executor.tick()
        world.node.clock.sleep(1.0)

    assert len(executor.runs) == n_jobs
    # not the square of it: in each tick it is some jobs' turn to be read, and each of them asks
    # what all that share its CPUs have used; that is read once a tick, whoever asks
    assert 0 < reads <= n_ticks * n_jobs
    assert all(run.in_force.arm is Arm.ORIGINAL for run in executor.runs)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_long_time_with_all_faults_at_random_leaves_no_trace():
    command = [sys.executable, "-m", "components.executor.soak", "--ticks", "24000"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def _job(name: str, mode: str) -> MadeUpJob:
    labels = {**job_labels(50.0, model="resnet"), "joulepilot.mode": mode}
    return MadeUpJob(name=name, response=ReferenceResponse(), rate_per_s=50.0, labels=labels)
