"""A node that has no memory left for its executor: real limits, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, logging, resource, sys
from pathlib import Path

from components.actuation.journal import Journal
from components.executor.followed import Followed
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.node import reference_node
from components.policy.brain import load_brain
from components.policy.default_bundle import default_bundle

home, spare_bytes, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
node = reference_node(home / "node", seed=1, noise=0.002)

class One:
    def current(self):
        return FOLLOWED

def executor():
    return Executor(
        ports_of(node, "poor"),
        publisher=KeptEvents(most=10),
        journal=Journal(home / "journal.json"),
        store=StateStore(home / "state.json"),
        in_charge=JobsInCharge(home / "jobs.toml", LiveOverrides(home / "overrides.json")),
        following=One(),
        settings=ExecutorSettings(window_s=4.0, min_requests=50, confirm_windows=2),
        seed=seed,
    )

def used_bytes():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

def tick(n_ticks):
    for _ in range(n_ticks):
        running.tick()
        node.clock.sleep(1.0)

def fill():
    # takes all that the limit and the heap have left, but for some
    spare, size = bytearray(spare_bytes), 1 << 20
    while size >= 32:
        try:
            ballast.append(bytearray(size))
        except MemoryError:
            size //= 2
    del spare

FOLLOWED = Followed(brain=load_brain(default_bundle()))
running = executor()
tick(15)
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (used_bytes() + (8 << 20), hard))
n_failed, ballast = 0, []
node.scale_rate("resnet", 1.2)
for _ in range(8):
    fill()
    try:
        tick(1)
    except MemoryError:
        ballast.clear()
        n_failed += 1  # the program ends here, and systemd starts it again
        running = executor()
    ballast.clear()
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
container = node.container("resnet").id
is_journalled = container in Journal(home / "journal.json").originals()
is_original = node.host.effective_cpus(container) == node.topology.ids
running = executor()
tick(200)
met = node.true_latency_ms("resnet") <= 7.0 * 1.003
complete = running.stop().complete
print(json.dumps({
    "failed": n_failed, "can_be_put_back": is_journalled or is_original, "met": met,
    "complete": complete, "cpus": len(node.host.effective_cpus(container)),
}))
"""


@pytest.mark.parametrize(("spare_kib", "fails"), [(64, True), (1024, False)])
def test_without_memory_nothing_is_lost_and_with_it_work_goes_on(tmp_path, spare_kib, fails):
    words = [str(tmp_path), str(spare_kib << 10), "3"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["failed"] > 0) == fails
    assert said["can_be_put_back"]
    assert said["met"]
    assert said["complete"]
    assert said["cpus"] == 128
