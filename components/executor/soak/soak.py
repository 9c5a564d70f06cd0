"""The executor on the made-up reference node, at accelerated time, with faults at random.

It has a process to itself: a test runner keeps the records of the log, these keep exceptions, and
these keep the frames they were raised in, which looks like growth of the executor.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from components.actuation.journal import Journal
from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.settings import ExecutorSettings
from components.executor.soak.faults import JOB, Faults
from components.executor.soak.traces import read_traces
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.node import MadeUpNode, reference_node
from components.policy.default_bundle import default_bundle
from components.telemetry.otlp_out import EventPublisher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.executor.soak.traces import Traces

SETTINGS = ExecutorSettings(
    window_s=4.0, min_requests=50, confirm_windows=2, holdback_share=0.0, telemetry_s=20.0
)
FAULT_EVERY = 40
REST_TICKS = 900
"""So long all is well in the end, and the target is to be kept again."""
NOBODY = "http://127.0.0.1:9"
"""The hub is away all the time."""


def run_soak(
    n_ticks: int, every: int, seed: int, folder: Path, tell: Callable[[Traces], None]
) -> float:
    """Run for `n_ticks`, telling traces `every` so many; the latency in the end over its target."""
    target_ms = 7.0
    node = reference_node(folder / "node", seed=seed, noise=0.002, target_ms=target_ms)
    with closing(StateStore(folder / "state.json", writes_behind=True)) as store:
        executor = _executor(node, store, folder, seed)
        faults = Faults(node, executor, np.random.default_rng([seed, n_ticks]))
        for number in range(n_ticks):
            if number % FAULT_EVERY == 0:
                faults.strike()
            _step(executor, node)
            if (number + 1) % every == 0:
                tell(read_traces(number + 1))
        faults.end()
        for _ in range(REST_TICKS):
            _step(executor, node)
        latency_ms = node.true_latency_ms(JOB)
        executor.stop()
    return latency_ms / target_ms


def _step(executor: Executor, node: MadeUpNode) -> None:
    executor.tick()
    node.clock.sleep(executor.settings.tick_s)


def _executor(node: MadeUpNode, store: StateStore, folder: Path, seed: int) -> Executor:
    ports = ports_of(node, "soak")
    node_class, shelf = ports.identity.node_class, BundleShelf(folder / "bundles")
    return Executor(
        ports,
        publisher=EventPublisher(NOBODY, buffer=folder / "buffer", resource={"host.name": "soak"}),
        journal=Journal(folder / "journal.json"),
        store=store,
        in_charge=JobsInCharge(folder / "jobs.toml", LiveOverrides(folder / "overrides.json")),
        following=ReleaseFollower(
            ports.name, node_class, None, store, shelf, shipped=default_bundle()
        ),
        settings=SETTINGS,
        seed=seed,
    )
