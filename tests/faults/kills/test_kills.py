"""The real executor, killed at every step and at any moment, over real containers."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.cpu_count() == 1, reason="needs 2 CPUs to move a container between"),
]

CONVERGED_S = 1.5
AT_START = (
    "components.executor.lock:NodeLock.acquire",
    "components.executor.loop:Executor.refresh",
    "components.actuation.docker_host:DockerHost.containers",
    "components.actuation.docker_host:DockerHost.effective_cpus",
    "components.executor.loop:Executor.beat",
    "components.executor.loop:Executor.tick",
)
IN_A_CHANGE = (
    "components.actuation.docker_host:DockerHost.configured_cpus",
    "components.actuation.journal:Journal.record",
    "os:fsync",
    "os:replace",
    "components.executor.acting:Actor.set",
    "components.actuation.docker_host:DockerHost.apply",
    "components.actuation.engine_pool:EnginePool.post",
)
AT_THE_END = (
    "components.executor.loop:Executor.stop",
    "components.actuation.docker_host:DockerHost.restore",
    "components.actuation.journal:Journal.forget",
)
STEPS = [
    *[(where, when, 1) for where in (*AT_START, *IN_A_CHANGE) for when in ("before", "after")],
    ("os:fsync", "after", 2),
]
SHORT = {("components.actuation.engine_pool:EnginePool.post", "after", 1), ("os:fsync", "after", 2)}


def test_killed_at_every_step_of_the_loop_all_can_be_put_back_and_is(fleet, at_length):
    for step in at_length(sorted(SHORT), STEPS):
        process = fleet.run_to_die(*step)
        assert process.wait(60) == -signal.SIGKILL, (step, fleet.log()[-2000:])
        fleet.check_journal()

        process = fleet.run("--mode", "recommend")
        fleet.wait(fleet.is_as_it_was, f"the originals after {step}")
        fleet.end(process, signal.SIGKILL)
        fleet.check_journal()


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", AT_THE_END)
def test_killed_while_it_gives_back_the_rest_is_given_back_by_the_next(fleet, where, when):
    process = fleet.run_to_die(where, when, 1)
    fleet.wait(fleet.has_moved, "the first change")

    assert fleet.end(process) == -signal.SIGKILL
    fleet.check_journal()

    done = fleet.ask("restore", "--host", "docker")
    assert done.returncode == 0, done.stderr
    assert fleet.is_as_it_was()


def test_killed_at_any_moment_the_next_start_converges(fleet, at_length, record_property):
    chance, times_s, n_moved = random.Random(7), [], 0  # noqa: S311 - no secret
    process = fleet.run()
    fleet.wait(fleet.has_moved, "the first change")

    for _ in range(at_length(2, 200)):
        time.sleep(chance.uniform(0.0, 0.3))
        assert fleet.end(process, signal.SIGKILL) == -signal.SIGKILL
        fleet.check_journal()
        n_moved += fleet.has_moved()
        began_s = time.monotonic()
        process = fleet.run("--mode", "recommend")
        fleet.wait(fleet.is_as_it_was, "the originals")
        times_s.append(time.monotonic() - began_s)
        fleet.end(process, signal.SIGKILL)
        process = fleet.run()
        if chance.random() < 0.7:  # else it dies before it changed anything
            fleet.wait(fleet.has_moved, "a change")

    times_s.sort()
    p50_s, p99_s = (times_s[int(q * (len(times_s) - 1))] for q in (0.5, 0.99))
    record_property("converged_p99_s", p99_s)
    assert n_moved > 0
    assert p99_s < at_length(30.0, CONVERGED_S), f"p50 {p50_s:.2f} s, the last {times_s[-5:]}"


def test_a_second_executor_on_the_same_home_is_refused_and_told_who_is_there(fleet):
    first = fleet.run()
    fleet.wait(fleet.has_moved, "the first change")

    second = fleet.run()

    assert second.wait(60) == 1
    assert f'"pid": {first.pid}' in fleet.log()
    assert fleet.end(first) == 0
    assert fleet.is_as_it_was()


def test_of_two_executors_with_homes_of_their_own_one_changes_and_the_owner_gets_his_own(
    fleet, tmp_path
):
    other = tmp_path / "other"
    fleet.manage_from(other)
    here, there = sorted(os.sched_getaffinity(0))[:2]
    first = fleet.run()
    fleet.wait(lambda: fleet.ask("status").returncode == 0, "the first to answer")
    assert fleet.hold(0, here, home=fleet.home)
    fleet.wait(lambda: fleet.cpus(0) == {here}, "the first change")

    second = fleet.run(home=other)
    fleet.wait(lambda: fleet.ask("status", home=other).returncode == 0, "the second to answer")
    fleet.hold(0, there, home=other)
    fleet.wait(lambda: f"process {first.pid} changes it" in fleet.log(), "the second to be refused")
    assert fleet.cpus(0) == {here}
    fleet.ask("hold", fleet.name(0), "--off", home=other)
    assert fleet.end(first) == 0
    assert fleet.hold(0, there, home=other)
    fleet.wait(lambda: fleet.cpus(0) == {there}, "the second to take over")
    assert fleet.end(second) == 0

    assert fleet.is_as_it_was()
