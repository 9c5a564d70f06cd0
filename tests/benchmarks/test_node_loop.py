"""What watching many containers costs a node, its engine included."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.journal import Journal
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
    from pytest_benchmark.fixture import BenchmarkFixture

SOCKET = Path("/var/run/docker.sock")
WARM_TICKS = 30
"""Until then every job has been decided about three times."""
NO_PAGES = 3600.0

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class Watch:
    """Ticks of a loop, one a second, and what they cost."""

    executor: Executor
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)

    def run(self, n_ticks: int) -> tuple[float, float]:
        """Tick, and return shares of a core: of this process, and of the engine's."""
        began_s, own_s, engine_s = time.monotonic(), time.process_time(), _engine_cpu_s()
        for number in range(n_ticks):
            tick_s, cpu_s = time.monotonic(), time.process_time()
            self.executor.tick()
            self.cpu_s.append(time.process_time() - cpu_s)
            self.wall_s.append(time.monotonic() - tick_s)
            time.sleep(max(began_s + number + 1 - time.monotonic(), 0.0))
        elapsed_s = time.monotonic() - began_s
        own_s, engine_s = time.process_time() - own_s, _engine_cpu_s() - engine_s
        return own_s / elapsed_s, engine_s / elapsed_s


def test_watching_all_containers_costs_next_to_nothing(
    benchmark: BenchmarkFixture, crowd, opened, report, tmp_path: Path
) -> None:
    label, ids = crowd
    settings = ExecutorSettings(mode=Mode.RECOMMEND, tick_s=1.0, window_s=10.0)
    executor = opened(_executor(tmp_path, settings, label))
    watch = Watch(executor)
    warm, n_ticks = (2, 2) if benchmark.disabled else (WARM_TICKS, 40)
    shares: list[tuple[float, float]] = []

    def measure() -> None:
        watch.run(warm)
        shares.append(watch.run(n_ticks))
        executor.settings = replace(settings, window_s=NO_PAGES, max_window_s=NO_PAGES)
        shares.append(watch.run(n_ticks // 2))

    benchmark.pedantic(measure, rounds=1, iterations=1)
    (own, engine), (own_bare, engine_bare) = shares
    report.tell(
        f"{len(executor.runs)} jobs, tick 1 s: executor {100 * own_bare:.2f} %, engine "
        f"{100 * engine_bare:.2f} % of a core; with each page scraped every 10 s "
        f"{100 * own:.2f} % and {100 * engine:.2f} %"
    )
    report.add("executor and engine, percent of a core", 100 * (own_bare + engine_bare), 0.5)
    report.add("the same with pages scraped every 10 s", 100 * (own + engine), 2.0)
    until = warm + n_ticks
    for what, since, end in (
        ("a tick", until, len(watch.cpu_s)),
        ("a tick in which pages are read", warm, until),
        ("a tick with the first decisions on all jobs", 0, warm),
    ):
        cpu_ms, wall_ms = _p99_ms(watch.cpu_s[since:end]), _p99_ms(watch.wall_s[since:end])
        report.tell(f"{what}: p99 {wall_ms:.1f} ms by the clock on the wall")
        report.add(f"{what}, CPU ms (p99)", cpu_ms, 20.0)
    report.plot("ticks", lambda axes: _draw(axes, watch, warm, until))
    assert len(executor.runs) == len(ids), executor.roster.health


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


def _p99_ms(times_s: list[float]) -> float:
    return 1000 * sorted(times_s)[int(0.99 * (len(times_s) - 1))]


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


def _draw(axes, watch: Watch, warm: int, until: int) -> None:
    axes.plot([1000 * s for s in watch.wall_s], color="#bbbbbb", label="by the clock on the wall")
    axes.plot([1000 * s for s in watch.cpu_s], color="#c1272d", label="CPU time")
    axes.axhline(20.0, color="black", linestyle="--", linewidth=1, label="bar, 20 ms")
    for at, text in ((0, "first decisions"), (warm, "pages every 10 s"), (until, "no pages")):
        axes.axvline(at, color="#3465a4", linewidth=0.8)
        axes.annotate(text, (at, 1.0), xycoords=("data", "axes fraction"), fontsize=8, va="bottom")
    axes.set_xlabel("tick, one a second")
    axes.set_ylabel("ms")
    axes.set_yscale("log")
    axes.legend(fontsize=8, frameon=False)
