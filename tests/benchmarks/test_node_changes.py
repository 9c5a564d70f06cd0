"""What it costs to change the CPUs of containers, as ratios within one run."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.engine_api import EngineApi
from components.actuation.guarded_host import GuardedHost, WriteLimits
from components.actuation.journal import Journal
from components.executor.acting import Actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

SOCKET = Path("/var/run/docker.sock")
WORKERS = 4
SETS = (frozenset({0}), frozenset({0, 1}))

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs 2 CPUs to move between"),
]


def test_one_change_costs_little_more_than_the_call_that_makes_it(
    benchmark: BenchmarkFixture, crowd, opened, report, tmp_path: Path
) -> None:
    ours_id, raw_id, shell_id = crowd[1][:3]
    rounds = 5 if benchmark.disabled else 60
    host, engine = opened(DockerHost(SOCKET)), opened(EngineApi(SOCKET, 10.0))
    actor = Actor(_guarded(host), Journal(tmp_path / "journal.json"))
    container = next(one for one in host.containers() if one.id == ours_id)
    took: dict[str, list[float]] = {"ours": [], "raw": [], "docker update": []}

    def measure() -> None:
        for number in range(rounds):
            cpus = SETS[number % 2]
            text = ",".join(map(str, sorted(cpus)))
            body = {"CpusetCpus": text}
            took["ours"].append(_timed(lambda c=cpus: actor.set(container, c)))
            took["raw"].append(
                _timed(lambda b=body: engine.post(f"/containers/{raw_id}/update", b))
            )
            command = ["docker", "update", "--cpuset-cpus", text, shell_id]
            if number % 4 < 2:
                took["docker update"].append(
                    _timed(lambda c=command: subprocess.run(c, check=True, capture_output=True))
                )

    benchmark.pedantic(measure, rounds=1, iterations=1)
    ours, raw, shell = (statistics.median(times) for times in took.values())
    report.tell(f"one change: raw call {1000 * raw:.1f} ms p50, {rounds} rounds")
    report.add("apply and read back, times the raw keep-alive call (p50)", ours / raw, 1.25)
    report.add("apply and read back, times `docker update` (p50)", ours / shell, 0.7)
    report.plot("one-change", lambda axes: _spread(axes, took))
    assert host.effective_cpus(ours_id) == SETS[(rounds - 1) % 2]


def test_a_change_that_changes_nothing_is_never_sent(
    benchmark: BenchmarkFixture, crowd, opened, report
) -> None:
    container_id = crowd[1][0]
    host = opened(DockerHost(SOCKET))
    guarded = _guarded(host)
    guarded.apply(container_id, SETS[1])
    guarded.apply(container_id, SETS[0])
    since_s = time.time()

    def again() -> None:
        for _ in range(20):
            guarded.apply(container_id, SETS[0])

    benchmark.pedantic(again, rounds=1, iterations=1)
    n_sent = _n_updates(container_id, since_s)
    report.add("no-op updates sent, of 20", n_sent, 0)
    assert n_sent == 0
    guarded.apply(container_id, SETS[1])
    assert _n_updates(container_id, since_s) == 1


def test_moving_all_containers_at_once_is_as_fast_as_the_engine(
    benchmark: BenchmarkFixture, crowd, opened, report, tmp_path: Path
) -> None:
    _, ids = crowd
    host = opened(DockerHost(SOCKET))
    actor = Actor(_guarded(host), Journal(tmp_path / "journal.json"))
    containers = [one for one in host.containers() if one.id in set(ids)]
    engines = [opened(EngineApi(SOCKET, 30.0)) for _ in range(WORKERS)]
    took: dict[str, list[float]] = {"ours": [], "raw": []}

    def raw(number: int, text: str) -> None:
        """The same containers, as a script with four kept connections would move them."""
        for container_id in ids[number::WORKERS]:
            engines[number].post(f"/containers/{container_id}/update", {"CpusetCpus": text})

    def ours(cpus: frozenset[int]) -> None:
        with ThreadPoolExecutor(WORKERS) as workers:
            assert all(workers.map(lambda one: actor.set(one, cpus) == cpus, containers))

    def bare(cpus: frozenset[int]) -> None:
        text = ",".join(map(str, sorted(cpus)))
        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(raw, range(WORKERS), [text] * WORKERS))
        _settle(host, ids, cpus)

    def measure() -> None:
        """Each in turn narrows all and widens all, so that both do the same work."""
        for turn in range(4):
            for cpus in SETS:
                is_ours = (turn + len(cpus)) % 2 == 0
                took["ours" if is_ours else "raw"].append(
                    _timed(lambda c=cpus, do=ours if is_ours else bare: do(c))
                )

    for container in containers:  # the journal is written once for each, before the first change
        actor.set(container, SETS[1])
    benchmark.pedantic(measure, rounds=1, iterations=1)
    own_s, raw_s = statistics.median(took["ours"]), statistics.median(took["raw"])
    report.tell(f"{len(ids)} containers: raw round with {WORKERS} workers {raw_s:.2f} s")
    report.add("re-pin all, times the raw round with 4 workers", own_s / raw_s, 1.2)
    report.plot("re-pin", lambda axes: _spread(axes, took))


def _guarded(host: DockerHost) -> GuardedHost:
    limits = WriteLimits(per_container=10_000, per_node=100_000)
    return GuardedHost(
        host,
        is_managed=lambda container: any(key.startswith("joulepilot") for key in container.labels),
        allowed=frozenset(range(os.cpu_count() or 2)),
        monotonic_s=time.monotonic,
        limits=limits,
    )


def _timed(do: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    do()
    return time.perf_counter() - began_s


def _settle(host: DockerHost, ids: list[str], cpus: frozenset[int]) -> None:
    until_s = time.monotonic() + 30
    while any(host.effective_cpus(container_id) != cpus for container_id in ids):
        assert time.monotonic() < until_s
        time.sleep(0.02)


def _n_updates(container_id: str, since_s: float) -> int:
    """Update events the engine saw of a container."""
    command = ["docker", "events", "--since", f"{since_s:.6f}", "--until", f"{time.time():.6f}"]
    command += ["--filter", f"container={container_id}", "--filter", "event=update"]
    done = subprocess.run(
        [*command, "--format", "{{.Action}}"], check=True, capture_output=True, text=True
    )
    return len(done.stdout.split())


def _spread(axes, took: dict[str, list[float]]) -> None:
    axes.boxplot([[1000 * s for s in times] for times in took.values()], orientation="horizontal")
    axes.set_yticks(range(1, len(took) + 1), took)
    axes.set_xlabel("ms")
    axes.set_xlim(left=0)
