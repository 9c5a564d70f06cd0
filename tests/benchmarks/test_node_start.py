"""How long a node's process takes to its first decision, what it holds, and how it goes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.state import StateStore
from components.policy.bundle import check_bundle, write_bundle
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PROGRAM = Path(__file__).with_name("first_decision.py")


@pytest.mark.docker
@pytest.mark.slow
def test_the_first_decision_comes_soon_after_the_start(
    benchmark: BenchmarkFixture, crowd, report, tmp_path: Path
) -> None:
    (key, value), _ = crowd
    window_s = "1" if benchmark.disabled else "10"
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
    found = []

    def start() -> None:
        for number in range(1 if benchmark.disabled else 5):
            folder = str(tmp_path / str(number))
            since = str(time.monotonic())
            command = [sys.executable, str(PROGRAM), since, key, value, folder, window_s]
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env=environment
            )
            found.append(json.loads(done.stdout))

    benchmark.pedantic(start, rounds=1, iterations=1)
    best = min(found, key=lambda one: one["marks_s"]["first decision"])
    marks = best["marks_s"]
    told = ", ".join(f"{name} {1000 * at_s:.0f}" for name, at_s in marks.items())
    report.tell(f"cold start, ms after it [{len(found)} starts]: {told}; CPU {best['cpu_s']:.3f} s")
    report.add("cold start to the first decision, s", marks["first decision"], 0.5)
    report.add("memory of the process then, MiB", best["rss_mib"], 80.0)
    assert any(step != "None" for step in best["steps"])


def test_a_rollback_on_the_node_needs_nobody_else(
    benchmark: BenchmarkFixture, report, tmp_path: Path
) -> None:
    shelf = BundleShelf(tmp_path / "bundles")
    source, digests = default_bundle(), []
    for name in ("before", "after"):
        bundle = replace(check_bundle(source), name=name)
        write_bundle(tmp_path / name, bundle, {f: (source / f).read_bytes() for f in bundle.files})
        digests.append(shelf.add(tmp_path / name))
    before, after = digests
    took_s = []

    def roll_back() -> None:
        for number in range(1 if benchmark.disabled else 5):
            store = StateStore(tmp_path / f"state-{number}.json")
            following = ReleaseFollower("n", "c", None, store, shelf, shipped=shelf.path(after))
            store.change(previous_digests=(before,))
            began_s = time.perf_counter()
            assert following.roll_back() == before
            took_s.append(time.perf_counter() - began_s)
            assert following.current().brain.digest == before
            assert StateStore(tmp_path / f"state-{number}.json").state.blocked_digests == (after,)

    benchmark.pedantic(roll_back, rounds=1, iterations=1)
    report.add("local rollback with everything else down, s (most)", max(took_s), 1.0)
