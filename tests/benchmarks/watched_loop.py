"""A node's process that watches containers for a while; prints what that cost as JSON.

Arguments: the key and value of the label of the containers to watch, a folder, and how many ticks
of a second: until every job was decided about a few times, with every page read every ten seconds,
and without pages. It is wired as `joulepilot-node` wires itself, events of the engine included;
only what is sent stays here. Before, it looks what the engine uses while nobody asks it anything.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from components.actuation.engine_events import EngineEvents
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

SOCKET = Path("/var/run/docker.sock")
NO_PAGES = 3600.0
ENGINE = {"dockerd", "containerd"}


@dataclass
class Part:
    """Some ticks, one a second, and what they cost."""

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    own: float = 0.0
    """Share of a core, all threads of this process together."""
    engine: float = 0.0
    """The same of the engine's processes."""


def main() -> None:
    """Watch, and say what it cost."""
    key, value, folder, *numbers = sys.argv[1:]
    home, counts = Path(folder), [int(number) for number in numbers]
    settings = ExecutorSettings(mode=Mode.RECOMMEND, tick_s=1.0, window_s=10.0)
    with (
        closing(EngineEvents(SOCKET)) as events,
        closing(StateStore(home / "state.json", writes_behind=True)) as store,
    ):
        ports = replace(docker_node("bench", SOCKET), changed=events.take)
        shelf, node_class = BundleShelf(home / "bundles"), ports.identity.node_class
        overrides = LiveOverrides(home / "overrides.json")
        executor = Executor(
            ports,
            publisher=KeptEvents(most=10),
            journal=Journal(home / "journal.json"),
            store=store,
            in_charge=JobsInCharge(home / "jobs.toml", overrides, (key, value)),
            following=ReleaseFollower(
                "b", node_class, None, store, shelf, shipped=default_bundle()
            ),
            settings=settings,
        )
        with closing(ports.host):
            idle = _engine_share(counts[2])
            parts = {
                "first decisions": watch(executor, counts[0]),
                "pages every 10 s": watch(executor, counts[1]),
            }
            executor.settings = replace(settings, window_s=NO_PAGES, max_window_s=NO_PAGES)
            parts["no pages"] = watch(executor, counts[2])
            n_jobs, health = len(executor.runs), executor.roster.health
            executor.stop()
    found = {"parts": {name: asdict(part) for name, part in parts.items()}, "engine_idle": idle}
    sys.stdout.write(json.dumps({**found, "n_jobs": n_jobs, "health": health}))


def watch(executor: Executor, n_ticks: int) -> Part:
    """Tick once a second."""
    part = Part()
    began_s, own_s, engine_s = time.monotonic(), time.process_time(), _engine_cpu_s()
    for number in range(n_ticks):
        tick_s, cpu_s = time.monotonic(), time.process_time()
        executor.tick()
        part.cpu_s.append(time.process_time() - cpu_s)
        part.wall_s.append(time.monotonic() - tick_s)
        time.sleep(max(began_s + number + 1 - time.monotonic(), 0.0))
    elapsed_s = time.monotonic() - began_s
    part.own = (time.process_time() - own_s) / elapsed_s
    part.engine = (_engine_cpu_s() - engine_s) / elapsed_s
    return part


def _engine_share(seconds: float) -> float:
    """What the engine uses of a core while nobody here asks it anything."""
    began_s, engine_s = time.monotonic(), _engine_cpu_s()
    time.sleep(seconds)
    return (_engine_cpu_s() - engine_s) / (time.monotonic() - began_s)


def _engine_cpu_s() -> float:
    """CPU seconds of the engine's processes so far."""
    tick_s, total = os.sysconf("SC_CLK_TCK"), 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() in ENGINE:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total / tick_s


if __name__ == "__main__":
    main()
