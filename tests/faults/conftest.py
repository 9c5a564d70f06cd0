"""The fault matrix: which test shows what, as a table; and a node to break.

`pytest --faults tests/faults tests/components` runs just the tests that `matrix.toml` names, the
long ones included, and prints the matrix.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.journal import Journal
from components.executor.followed import Followed
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.node import MadeUpNode, reference_node
from components.policy.brain import Brain, load_brain
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.executor.ports import NodePorts

MATRIX = Path(__file__).with_name("matrix.toml")
ROOT = Path(__file__).parents[2]
SETTINGS = ExecutorSettings(
    window_s=4.0, min_requests=50, confirm_windows=2, holdback_share=0.0, telemetry_s=20.0
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="run the fault matrix, at full length")


def is_long(config: pytest.Config) -> bool:
    return bool(config.getoption("--faults", default=False))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if is_long(config):
        named = {test for row in _rows() for test in row["tests"]}
        keep = [item for item in items if _function(item) in named]
    else:
        keep = [item for item in items if not _is_long_fault(item)]
    gone = [item for item in items if item not in keep]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not is_long(terminalreporter.config):
        return
    results: dict[str, list[str]] = defaultdict(list)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            results[report.nodeid.split("[")[0]].append(outcome)
    terminalreporter.section("fault matrix")
    terminalreporter.write_line(f"{'fault':<72}{'kind':<6}{'tests':>6}  result")
    for row in _asked(terminalreporter.config):
        found = [outcome for test in row["tests"] for outcome in results.get(test, ["not run"])]
        bad = {one: found.count(one) for one in sorted(set(found) - {"passed"})}
        told = "passed" if not bad else ", ".join(f"{n} {one}" for one, n in bad.items())
        kind = "+".join(row["kinds"])
        terminalreporter.write_line(f"{row['fault']:<72}{kind:<6}{len(found):>6}  {told}")


def _rows() -> list[dict[str, list[str]]]:
    return tomllib.loads(MATRIX.read_text())["row"]


def _asked(config: pytest.Config) -> list[dict[str, list[str]]]:
    """Rows of which a test lies in what was named on the command line."""
    named = tuple(config.args)
    return [row for row in _rows() if any(test.startswith(named) for test in row["tests"])]


def _function(item: pytest.Item) -> str:
    return item.nodeid.split("[")[0]


def _is_long_fault(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None and "tests/faults/" in item.nodeid


@pytest.fixture
def at_length(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Say how often: fewer times in the suite, as often as promised in the matrix."""
    return lambda short, long: long if is_long(request.config) else short


class Fixed:
    """Follows nothing: one policy, from the beginning to the end."""

    def __init__(self, brain: Brain | None) -> None:
        self.followed = Followed(brain=brain)

    def current(self) -> Followed:
        return self.followed

    def reject(self, digest: str, reason: str) -> None:
        raise AssertionError("there is no challenger")

    def roll_back(self) -> str:
        raise AssertionError("no test asks for this")


@dataclass
class World:
    """A node to break, and an executor on it; `ports` may be replaced before it starts."""

    node: MadeUpNode
    home: Path
    settings: ExecutorSettings = SETTINGS
    published: KeptEvents = field(default_factory=KeptEvents)
    ports: NodePorts | None = None

    def start(self) -> Executor:
        self.ports = self.ports or ports_of(self.node, "broken")
        self.store = StateStore(self.home / "state.json")
        self.journal = Journal(self.home / "journal.json")
        self.overrides = LiveOverrides(self.home / "overrides.json")
        self.executor = Executor(
            self.ports,
            publisher=self.published,
            journal=self.journal,
            store=self.store,
            in_charge=JobsInCharge(self.home / "jobs.toml", self.overrides),
            following=Fixed(_shipped()),
            settings=self.settings,
            seed=3,
        )
        return self.executor

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / self.settings.tick_s)):
            self.executor.tick()
            self.node.clock.sleep(self.settings.tick_s)

    def run_until(self, is_so: Callable[[], bool], within_s: float = 600.0) -> None:
        for _ in range(round(within_s / self.settings.tick_s)):
            if is_so():
                return
            self.run(self.settings.tick_s)
        pytest.fail(f"not so within {within_s} s: {self.executor.heartbeat()}")

    def settle(self) -> None:
        self.run_until(
            lambda: (
                bool(self.executor.runs)
                and all(run.decision.phase == "settled" for run in self.executor.runs)
            )
        )
        self.run(2)

    def cpus(self, name: str = "resnet") -> frozenset[int]:
        """What the kernel says, not what the executor believes."""
        return self.node.host.effective_cpus(self.node.container(name).id)


@cache
def _shipped() -> Brain:
    """One for all worlds: to load it takes longer than most of them live."""
    return load_brain(default_bundle())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(reference_node(tmp_path / "node", seed=1, noise=0.002), tmp_path)
