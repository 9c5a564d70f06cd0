"""An executor on the made-up reference node: real files, real search, the shipped policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from components.actuation.frequency import Frequencies
from components.actuation.journal import Journal
from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.job import MadeUpJob
from components.madeup.node import REFERENCE_IDLE_W, MadeUpNode, job_labels, reference_node
from components.madeup.reference_node import ReferenceResponse, reference_table
from components.madeup.state import NodeCharacter
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.executor.followed import Followed, Following
    from components.executor.job_run import JobRun
    from components.telemetry.sample import Sample

SETTINGS = ExecutorSettings(window_s=4.0, min_requests=50, confirm_windows=2, holdback_share=0.0)


@dataclass
class Rig:
    """A node, its executor, and what it published."""

    node: MadeUpNode
    home: Path
    settings: ExecutorSettings = SETTINGS
    following: Following | None = None
    published: KeptEvents = field(default_factory=KeptEvents)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start an executor, as after a crash: whatever an earlier one left is there."""
        self.ports = ports_of(self.node, "ref")
        self.store = StateStore(self.home / "state.json")
        self.journal = Journal(self.home / "journal.json")
        self.overrides = LiveOverrides(self.home / "overrides.json")
        self.executor = Executor(
            self.ports,
            publisher=self.published,
            journal=self.journal,
            store=self.store,
            in_charge=JobsInCharge(self.home / "jobs.toml", self.overrides),
            following=self.following or shipped(self.home, self.ports, self.store),
            settings=self.settings,
            frequencies=Frequencies(self.node.sysfs, self.home / "frequencies.json"),
            seed=7,
        )

    @property
    def samples(self) -> list[Sample]:
        return list(self.published.samples)

    def job(self, name: str = "resnet") -> JobRun:
        return self.executor.roster.runs[name]

    def cpus(self, name: str = "resnet") -> frozenset[int]:
        """What the kernel says, not what the executor believes."""
        return self.node.host.effective_cpus(self.node.container(name).id)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / self.settings.tick_s)):
            self.executor.tick()
            self.node.clock.sleep(self.settings.tick_s)

    def run_until(self, is_so: Callable[[], bool], within_s: float = 400.0) -> None:
        for _ in range(round(within_s / self.settings.tick_s)):
            if is_so():
                return
            self.run(self.settings.tick_s)
        pytest.fail(f"not so within {within_s} s: {self.executor.heartbeat()}")

    def settle(self, *names: str) -> None:
        wanted = names or tuple(self.executor.roster.runs) or ("resnet",)
        self.run_until(
            lambda: all(
                name in self.executor.roster.runs and self.job(name).decision.phase == "settled"
                for name in wanted
            )
        )
        self.run(2)

    def manage(self, job: str, **values: str) -> None:
        self.overrides.update(job, {k.replace("_", "-"): v for k, v in values.items()})
        self.executor.refresh()


def shipped(home: Path, ports: object, store: StateStore) -> Following:
    return ReleaseFollower(
        ports.name,
        ports.identity.node_class,
        None,
        store,
        BundleShelf(home / "bundles"),
        shipped=default_bundle(),
    )


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(reference_node(tmp_path / "node", seed=1, noise=0.002), tmp_path)


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Rig]:
    """Make a rig with another target, other settings, or whoever follows releases."""

    def make(
        *,
        target_ms: float = 7.0,
        noise: float = 0.002,
        seed: int = 1,
        settings: ExecutorSettings = SETTINGS,
        following: Following | None = None,
    ) -> Rig:
        node = reference_node(tmp_path / "node", seed=seed, noise=noise, target_ms=target_ms)
        return Rig(node, tmp_path, settings, following)

    return make


@pytest.fixture
def make_two_jobs(tmp_path: Path) -> Callable[..., Rig]:
    """Make a rig with two jobs on the reference node."""

    def make(first_ms: float = 15.0, second_ms: float = 12.0) -> Rig:
        jobs = [
            MadeUpJob(
                name=name,
                response=ReferenceResponse(),
                rate_per_s=50.0,
                labels=job_labels(target_ms, model="resnet"),
            )
            for name, target_ms in (("first", first_ms), ("second", second_ms))
        ]
        character = NodeCharacter(reference_table().topology, REFERENCE_IDLE_W, 3, 0.002)
        return Rig(MadeUpNode(tmp_path / "node", character, jobs, name="two"), tmp_path)

    return make


class Fixed:
    """Follows nothing: says what a test told it."""

    def __init__(self, followed: Followed) -> None:
        self.followed = followed
        self.rejected: list[tuple[str, str]] = []

    def current(self) -> Followed:
        return self.followed

    def reject(self, digest: str, reason: str) -> None:
        self.rejected.append((digest, reason))
        self.followed = replace(
            self.followed, blocked_digests=(*self.followed.blocked_digests, digest)
        )

    def roll_back(self) -> str:
        raise AssertionError("no test asks for this")


@pytest.fixture
def make_fixed() -> Callable[[Followed], Fixed]:
    return Fixed
