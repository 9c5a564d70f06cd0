"""A node's process from its first instruction to its first decision; prints what it took as JSON.

Arguments: the monotonic time at which it was started, the key and value of the label of the
containers to watch, a folder, seconds of a window. Waiting for the first one to be over is not
counted.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Start, decide once, and say how long each part took."""
    started_s, key, value, folder = float(sys.argv[1]), *sys.argv[2:4], Path(sys.argv[4])
    marks = {"interpreter": time.monotonic() - started_s}
    from components.actuation.journal import Journal
    from components.executor.bundle_shelf import BundleShelf
    from components.executor.follow import ReleaseFollower
    from components.executor.jobs_in_charge import JobsInCharge
    from components.executor.loop import Executor
    from components.executor.real_node import docker_node
    from components.executor.settings import ExecutorSettings
    from components.executor.state import StateStore
    from components.executor.wiring import run_node  # noqa: F401 - a real process imports it too
    from components.jobs.live_overrides import LiveOverrides
    from components.policy.default_bundle import default_bundle
    from components.telemetry.otlp_out import EventPublisher

    marks["imports"] = time.monotonic() - started_s
    ports = docker_node("bench", Path("/var/run/docker.sock"))
    store = StateStore(folder / "state.json", writes_behind=True)
    node_class, shelf = ports.identity.node_class, BundleShelf(folder / "bundles")
    following = ReleaseFollower("b", node_class, None, store, shelf, shipped=default_bundle())
    marks["node and policy"] = time.monotonic() - started_s
    overrides = LiveOverrides(folder / "overrides.json")
    executor = Executor(
        ports,
        publisher=EventPublisher("http://127.0.0.1:9", buffer=folder / "buffer", resource={}),
        journal=Journal(folder / "journal.json"),
        store=store,
        in_charge=JobsInCharge(folder / "jobs.toml", overrides, (key, value)),
        following=following,
        settings=ExecutorSettings(window_s=float(sys.argv[5]), min_requests=5, settle_s=0.1),
    )
    executor.tick()
    marks["first look"] = at_s = time.monotonic() - started_s
    cpu_s, until_s = time.process_time(), time.monotonic() + 30.0
    while not any(run.decision.step for run in executor.runs) and time.monotonic() < until_s:
        time.sleep(0.2)
        tick_s, tick_cpu_s = time.monotonic(), time.process_time()
        executor.tick()
        marks["first decision"] = at_s + time.monotonic() - tick_s
        total_cpu_s = cpu_s + time.process_time() - tick_cpu_s
    rss_kib = [
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmRSS")
    ]
    steps = [str(run.decision.step) for run in executor.runs]
    executor.stop()
    store.close()
    ports.host.close()
    found = {"marks_s": marks, "cpu_s": total_cpu_s, "rss_mib": rss_kib[0] / 1024, "steps": steps}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
