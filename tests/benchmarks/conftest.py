"""What the benchmarks of a node share: containers, and a report of figures beside their bars.

`make bench` prints each figure beside its bar, fails where one is missed, and leaves the report
with its plots under `build/benchmarks`; `make test` runs the same on a few containers and checks
only what does not depend on the machine.
"""

from __future__ import annotations

import io
import os
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
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from components.executor.loop import Executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes

IMAGE = "joulepilot-test-bench:latest"
LABEL = "joulepilot-test-bench"
FOLDER = Path(__file__).parents[2] / "build/benchmarks"

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


@dataclass
class Report:
    """Figures beside their bars, and plots of how they came about."""

    is_judged: bool
    lines: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Add a line without a bar."""
        self.lines.append(text)

    def add(self, what: str, value: float, bar: float) -> None:
        """Add a figure that is to be at most its bar."""
        verdict = "held" if value <= bar else "MISSED"
        self.lines.append(f"  {what:<66} {value:8.3f}  bar {bar:g}  {verdict}")
        if value > bar and self.is_judged:
            self.missed.append(what)

    def plot(self, name: str, draw: Callable[[Axes], None]) -> None:
        """Draw one plot; only where figures are judged."""
        if not self.is_judged:
            return
        figure = Figure(figsize=(9, 4), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.subplots())
        FOLDER.mkdir(parents=True, exist_ok=True)
        figure.savefig(FOLDER / f"{name}.png", dpi=110)


_REPORTS: list[Report] = []


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Figures of one test; it fails in the end where a bar is missed."""
    made = Report(is_judged=not _is_short(request.config))
    _REPORTS.append(made)
    yield made
    assert made.missed == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [line for report in _REPORTS for line in report.lines]
    if not lines:
        return
    terminalreporter.section("figures beside their bars")
    for line in lines:
        terminalreporter.write_line(line)
    if any(report.is_judged for report in _REPORTS):
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "node.txt").write_text("\n".join([time.strftime("%F %T %Z"), *lines]) + "\n")
        terminalreporter.write_line(f"report and plots: {FOLDER}")


def _is_short(config: pytest.Config) -> bool:
    return bool(config.getoption("benchmark_disable", default=False))


@pytest.fixture(scope="session")
def crowd(request: pytest.FixtureRequest) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Start containers; the label that only they have, and their ids in order."""
    n = 4 if _is_short(request.config) else int(os.environ.get("JOULEPILOT_BENCH_CONTAINERS", "50"))
    _make_image()
    mark = uuid.uuid4().hex[:8]
    labels = ("enable=true", "target-ms=100", "metrics=prometheus:8000/cgi-bin/metrics")
    words = ["docker", "run", "--detach", "--stop-signal", "SIGKILL", "--label", f"{LABEL}={mark}"]
    words += [word for label in labels for word in ("--label", f"joulepilot.{label}")]
    serve = [IMAGE, "/bin/busybox", "httpd", "-f", "-p", "8000", "-h", "/www"]

    def run(number: int) -> str:
        named = [*words, "--name", f"joulepilot-bench-{mark}-{number}", *serve]
        return subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()

    try:
        with ThreadPoolExecutor(4) as workers:
            ids = list(workers.map(run, range(n)))
        yield (LABEL, mark), ids
    finally:
        listed = ["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}={mark}"]
        left = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
        if left:
            subprocess.run(["docker", "rm", "--force", *left], check=True, capture_output=True)


@pytest.fixture
def opened() -> Iterator[Callable[[Any], Any]]:
    """Close what a test opened, also when it fails."""
    with ExitStack() as stack:

        def opened(one: Any) -> Any:
            if isinstance(one, Executor):
                stack.callback(one.ports.host.close)
                stack.callback(one.store.close)
                stack.callback(one.stop)
            else:
                stack.callback(one.close)
            return one

        yield opened


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
