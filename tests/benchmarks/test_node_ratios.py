"""The executor's cost on a node with real containers, as ratios within one run.

`make bench` measures with as many containers as JOULEPILOT_BENCH_CONTAINERS says (50), prints each
figure beside its bar and fails where one is missed; `make test` runs the same on a few, and checks
only what does not depend on the machine.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import tarfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.engine_api import EngineApi
from components.actuation.guarded_host import GuardedHost, WriteLimits
from components.actuation.journal import Journal
from components.executor.acting import Actor
from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.ports import KeptEvents
from components.executor.real_node import docker_node
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.job import Mode
from components.jobs.live_overrides import LiveOverrides
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

IMAGE = "joulepilot-test-bench:latest"
SOCKET = Path("/var/run/docker.sock")
LABEL = "joulepilot-test-bench"
WORKERS = 4
SETS = (frozenset({0}), frozenset({0, 1}))

# a server whose counters grow as if it answered 20 requests a second, all in the first bucket
PAGE = """#!/bin/busybox sh
n=$(( ($(/bin/busybox date +%s) % 100000) * 20 ))
echo "Content-Type: text/plain; version=0.0.4"
echo
echo "joulepilot_image_latency_seconds_bucket{le=\\"0.01\\"} $n"
echo "joulepilot_image_latency_seconds_bucket{le=\\"+Inf\\"} $n"
echo "joulepilot_image_latency_seconds_sum $(( n / 200 ))"
echo "joulepilot_image_latency_seconds_count $n"
echo "joulepilot_images_total $n"
echo "joulepilot_requests_received_total $n"
"""

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs 2 CPUs to move between"),
]


@dataclass
class Report:
    """Figures beside their bars."""

    lines: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, what: str, value: float, bar: float) -> None:
        verdict = "held" if value <= bar else "MISSED"
        self.lines.append(f"  {what:<66} {value:8.3f}  bar {bar:g}  {verdict}")
        if value > bar:
            self.missed.append(what)

    def close(self, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
        with capsys.disabled():
            os.write(1, ("\n" + "\n".join(self.lines) + "\n").encode())
        if not benchmark.disabled:
            assert self.missed == []


def n_containers(benchmark: BenchmarkFixture) -> int:
    return 4 if benchmark.disabled else int(os.environ.get("JOULEPILOT_BENCH_CONTAINERS", "50"))


@pytest.fixture
def start() -> Iterator[Callable[[int], list[str]]]:
    """Start containers; their ids, in order."""
    _make_image()
    mark = uuid.uuid4().hex[:8]
    labels = ("enable=true", "target-ms=100", "metrics=prometheus:8000/cgi-bin/metrics")
    words = ["docker", "run", "--detach", "--stop-signal", "SIGKILL", "--label", f"{LABEL}={mark}"]
    words += [word for label in labels for word in ("--label", f"joulepilot.{label}")]
    serve = [IMAGE, "/bin/busybox", "httpd", "-f", "-p", "8000", "-h", "/www"]

    def run(number: int) -> str:
        named = [*words, "--name", f"joulepilot-bench-{mark}-{number}", *serve]
        return subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()

    def start(n: int) -> list[str]:
        with ThreadPoolExecutor(WORKERS) as workers:
            return list(workers.map(run, range(n)))

    yield start
    listed = ["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}={mark}"]
    ids = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    if ids:
        subprocess.run(["docker", "rm", "--force", *ids], check=True, capture_output=True)


@pytest.fixture
def opened() -> Iterator[Callable[[Any], Any]]:
    """Close what a test opened, also when it fails."""
    with ExitStack() as stack:

        def opened(one: Any) -> Any:
            stack.callback(one.ports.host.close if isinstance(one, Executor) else one.close)
            if isinstance(one, Executor):
                stack.callback(one.stop)
            return one

        yield opened


def test_one_change_costs_little_more_than_the_call_that_makes_it(
    benchmark: BenchmarkFixture, start, opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours_id, raw_id, shell_id = start(3)
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
    report = Report()
    report.lines.append(f"one change: raw call {1000 * raw:.1f} ms p50, {rounds} rounds")
    report.add("apply and read back, times the raw keep-alive call (p50)", ours / raw, 1.25)
    report.add("apply and read back, times `docker update` (p50)", ours / shell, 0.7)
    assert host.effective_cpus(ours_id) == SETS[(rounds - 1) % 2]
    report.close(benchmark, capsys)


def test_a_change_that_changes_nothing_is_never_sent(
    benchmark: BenchmarkFixture, start, opened, tmp_path: Path
) -> None:
    (container_id,) = start(1)
    host = opened(DockerHost(SOCKET))
    guarded = _guarded(host)
    guarded.apply(container_id, SETS[1])
    guarded.apply(container_id, SETS[0])
    since_s = time.time()

    def again() -> None:
        for _ in range(20):
            guarded.apply(container_id, SETS[0])

    benchmark.pedantic(again, rounds=1, iterations=1)
    assert _n_updates(container_id, since_s) == 0
    guarded.apply(container_id, SETS[1])
    assert _n_updates(container_id, since_s) == 1


def test_moving_all_containers_at_once_is_as_fast_as_the_engine(
    benchmark: BenchmarkFixture, start, opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = start(n_containers(benchmark))
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
    report = Report()
    report.lines.append(f"{len(ids)} containers: raw round with 4 workers {raw_s:.2f} s")
    report.add("re-pin all, times the raw round with 4 workers", own_s / raw_s, 1.2)
    report.close(benchmark, capsys)


def test_watching_all_containers_costs_next_to_nothing(
    benchmark: BenchmarkFixture, start, opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = n_containers(benchmark)
    mark = _mark_of(start(n)[0])
    settings = ExecutorSettings(mode=Mode.RECOMMEND, tick_s=1.0, window_s=10.0)
    executor = opened(_executor(tmp_path, settings, (LABEL, mark)))
    n_ticks = 5 if benchmark.disabled else 60
    ticks: list[float] = []
    executor.tick()
    engine_before_s, own_before_s, began_s = _engine_cpu_s(), time.process_time(), time.monotonic()

    def watch() -> None:
        for _ in range(n_ticks):
            began_s = time.process_time()
            executor.tick()
            ticks.append(time.process_time() - began_s)
            time.sleep(1.0)

    benchmark.pedantic(watch, rounds=1, iterations=1)
    elapsed_s = time.monotonic() - began_s
    own = (time.process_time() - own_before_s) / elapsed_s
    engine = (_engine_cpu_s() - engine_before_s) / elapsed_s
    p99 = sorted(ticks)[int(0.99 * (len(ticks) - 1))]
    report = Report()
    report.lines.append(
        f"{len(executor.runs)} jobs watched, each page scraped every 10 s, {n_ticks} ticks of 1 s: "
        f"executor {100 * own:.2f} %, engine {100 * engine:.2f} % of a core, "
        f"{1000 * statistics.median(ticks):.1f} CPU ms a tick (median)"
    )
    report.add("executor and engine, percent of a core (pages scraped)", 100 * (own + engine), 2.0)
    report.add("a tick, CPU ms (p99)", 1000 * p99, 20.0)
    assert len(executor.runs) == n, executor.roster.health
    report.close(benchmark, capsys)


def _guarded(host: DockerHost) -> GuardedHost:
    limits = WriteLimits(per_container=10_000, per_node=100_000)
    return GuardedHost(
        host,
        is_managed=lambda container: LABEL in container.labels,
        allowed=frozenset(range(os.cpu_count() or 2)),
        monotonic_s=time.monotonic,
        limits=limits,
    )


def _executor(home: Path, settings: ExecutorSettings, only: tuple[str, str]) -> Executor:
    ports = docker_node("bench", SOCKET)
    store = StateStore(home / "state.json", writes_behind=True)
    shelf = BundleShelf(home / "bundles")
    node_class = ports.identity.node_class
    return Executor(
        ports,
        publisher=KeptEvents(most=10),
        journal=Journal(home / "journal.json"),
        store=store,
        in_charge=JobsInCharge(home / "jobs.toml", LiveOverrides(home / "overrides.json"), only),
        following=ReleaseFollower("b", node_class, None, store, shelf, shipped=default_bundle()),
        settings=settings,
    )


def _mark_of(container_id: str) -> str:
    command = ["docker", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}']
    done = subprocess.run([*command, container_id], check=True, capture_output=True, text=True)
    return done.stdout.strip()


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


def _engine_cpu_s() -> float:
    """CPU seconds of the engine's processes so far."""
    tick_s, total = os.sysconf("SC_CLK_TCK"), 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() in {"dockerd", "containerd"}:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total / tick_s


def _make_image() -> None:
    there = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if there.returncode == 0:
        return
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
        page = tarfile.TarInfo("www/cgi-bin/metrics")
        page.size, page.mode = len(PAGE), 0o755
        archive.addfile(page, io.BytesIO(PAGE.encode()))
    subprocess.run(
        ["docker", "import", "-", IMAGE], input=content.getvalue(), check=True, capture_output=True
    )
