"""What watching many containers costs a node, its engine included."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PROGRAM = Path(__file__).with_name("watched_loop.py")
TICKS = {"first decisions": 60, "pages every 10 s": 40, "no pages": 30}
"""After so many of the first, every job was decided about three times."""

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]


def test_watching_all_containers_costs_next_to_nothing(
    benchmark: BenchmarkFixture, crowd, report, tmp_path: Path
) -> None:
    (key, value), ids = crowd
    counts = ["2"] * len(TICKS) if benchmark.disabled else [str(n) for n in TICKS.values()]
    command = [sys.executable, str(PROGRAM), key, value, str(tmp_path), *counts]

    def watch() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=True)

    found = json.loads(benchmark.pedantic(watch, rounds=1, iterations=1).stdout)
    parts, idle = found["parts"], found["engine_idle"]
    report.tell(f"{found['n_jobs']} jobs, tick 1 s; the engine by itself {100 * idle:.2f} %")
    for name, part in parts.items():
        report.tell(
            f"  {name}: executor {100 * part['own']:.2f} %, engine {100 * part['engine']:.2f} % of "
            f"a core; a tick by the clock on the wall: p99 {_p99_ms(part['wall_s']):.1f} ms"
        )
    for name, bar in (("no pages", 0.5), ("pages every 10 s", 2.0)):
        share = parts[name]["own"] + max(parts[name]["engine"] - idle, 0.0)
        report.add(f"{name}: executor and what it asks of the engine, %", 100 * share, bar)
    for name, part in parts.items():
        report.add(f"{name}: a tick, CPU ms (p99)", _p99_ms(part["cpu_s"]), 20.0)
    report.plot("ticks", lambda axes: _draw(axes, parts))
    assert found["n_jobs"] == len(ids), found["health"]


def _p99_ms(times_s: list[float]) -> float:
    return 1000 * sorted(times_s)[int(0.99 * (len(times_s) - 1))]


def _draw(axes, parts: dict[str, Any]) -> None:
    at = 0
    for name, part in parts.items():
        ticks = range(at, at + len(part["cpu_s"]))
        axes.plot(ticks, [1000 * s for s in part["wall_s"]], color="#bbbbbb")
        axes.plot(ticks, [1000 * s for s in part["cpu_s"]], color="#c1272d")
        axes.axvline(at, color="#3465a4", linewidth=0.8)
        axes.annotate(name, (at, 1.0), xycoords=("data", "axes fraction"), fontsize=8, va="bottom")
        at += len(part["cpu_s"])
    axes.axhline(20.0, color="black", linestyle="--", linewidth=1)
    axes.set_xlabel("tick, one a second; red: CPU time, grey: by the clock on the wall; bar 20 ms")
    axes.set_ylabel("ms")
    axes.set_yscale("log")
