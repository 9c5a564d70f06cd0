"""Whether a node's process grows over a long time in which everything goes wrong."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

N_LOOKS = 24


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_grows_while_everything_goes_wrong(benchmark: BenchmarkFixture, report) -> None:
    n_ticks = 240 if benchmark.disabled else int(os.environ.get("JOULEPILOT_BENCH_TICKS", "24000"))
    command = [sys.executable, "-m", "components.executor.soak", "--ticks", str(n_ticks)]
    command += ["--every", str(n_ticks // N_LOOKS)]

    def soak() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = benchmark.pedantic(soak, rounds=1, iterations=1)
    table = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(table)]
    report.tell(f"soak of {n_ticks} ticks with all faults at random, the hub away all the time")
    first, last = (median(row["rss_mib"] for row in part) for part in (rows[:3], rows[-3:]))
    report.add("growth of memory, MiB", last - first, 2.0)
    for what in ("n_descriptors", "n_threads"):
        report.add(f"growth of {what}", rows[-1][what] - rows[0][what], 0)
    report.plot("soak", lambda axes: _draw(axes, rows))
    assert len(rows) == N_LOOKS
    assert benchmark.disabled or done.returncode == 0, done.stdout + done.stderr


def _draw(axes, rows: list[dict[str, float]]) -> None:
    ticks = [row["n_ticks"] for row in rows]
    axes.plot(ticks, [row["rss_mib"] for row in rows], color="#c1272d", label="memory, MiB")
    axes.plot(ticks, [row["n_objects"] / 1000 for row in rows], label="objects, thousands")
    axes.plot(ticks, [row["n_descriptors"] for row in rows], label="descriptors")
    axes.plot(ticks, [row["n_threads"] for row in rows], label="threads")
    axes.set_xlabel("ticks of a second, accelerated")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, frameon=False, loc="center right")
