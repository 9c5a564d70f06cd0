"""A made-up node with a service, and a container whose work may wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from components.actuation.freezing import FreezeJournal
from components.actuation.journal import Journal
from components.executor.followed import Followed
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.node_home import NodeHome
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.candidate import Allocation, Candidate
from components.jobs.live_overrides import LiveOverrides
from components.madeup.job import MadeUpJob
from components.madeup.node import REFERENCE_IDLE_W, MadeUpNode, job_labels
from components.madeup.reference_node import ReferenceResponse, reference_table
from components.madeup.state import NodeCharacter
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.executor.deferral_run import WorkRun

START_S = 1_800_000_000.0
WORK_CPU_S = 2000.0
SETTINGS = ExecutorSettings(window_s=4.0, min_requests=50, holdback_share=0.0)


class NoPolicy:
    """Follows nothing: the service stays where a test puts it."""

    def current(self) -> Followed:
        return Followed()

    def reject(self, digest: str, reason: str) -> None:
        raise AssertionError("no test asks for this")

    def roll_back(self) -> str:
        raise AssertionError("no test asks for this")


@dataclass
class Rig:
    """The node and its executor."""

    node: MadeUpNode
    home: NodeHome

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start an executor; whatever an earlier one left is there."""
        self.ports = ports_of(self.node, "made-up")
        in_charge = JobsInCharge(self.home.jobs_file, LiveOverrides(self.home.overrides))
        self.freezes = FreezeJournal(self.ports.freezer, self.home.frozen, in_charge.manages)
        self.executor = Executor(
            self.ports,
            publisher=KeptEvents(most=10),
            journal=Journal(self.home.journal),
            store=StateStore(self.home.state),
            in_charge=in_charge,
            following=NoPolicy(),
            settings=SETTINGS,
            wall=self.node.clock,
            freezes=self.freezes,
        )
        self.executor.administering._path = self.home.administrator_file

    @property
    def work(self) -> WorkRun:
        return self.executor.deferrals.runs["batch"]

    @property
    def id(self) -> str:
        return self.node.container("batch").id

    def cpus(self, name: str = "batch") -> frozenset[int]:
        """What the kernel says, not what the executor believes."""
        return self.node.host.effective_cpus(self.node.container(name).id)

    def is_paused(self) -> bool:
        return self.ports.freezer.is_frozen(self.id)

    def done_cpu_s(self) -> float:
        return self.node.host.cpu_time_s(self.id)

    def administrate(self, text: str) -> None:
        self.home.folder.mkdir(parents=True, exist_ok=True)
        self.home.administrator_file.write_text(text)
        if self.executor.runs:
            self.executor.refresh()

    def carbon(self, *grams: float) -> None:
        """Let carbon decide: so many grams a kWh in each minute from the start."""
        self.home.folder.mkdir(parents=True, exist_ok=True)
        path = self.home.folder / "carbon.csv"
        rows = [f"{START_S + 60.0 * at},{value}" for at, value in enumerate(grams)]
        path.write_text("\n".join(["time,value", *rows, ""]))
        self.administrate(f'[weights]\ncarbon = 1.0\n[signals.carbon]\nsource = "{path}"\n')

    def place_service(self, n_cpus: int) -> None:
        """Give the service CPUs, as a policy that is gone since would have."""
        run = self.executor.roster.runs["web"]
        cpus = self.executor.actor.set(run.container, frozenset(range(n_cpus)))
        run.put_in_force(cpus, Candidate(n_cpus), Arm.POLICY, is_placed=True)
        run.last_good = Allocation(Candidate(n_cpus), cpus)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / SETTINGS.tick_s)):
            self.executor.tick()
            self.node.clock.sleep(SETTINGS.tick_s)


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Rig]:
    """Make a rig whose work is to be done so many seconds from now."""

    def make(until_s: float = 3600.0, **labels: str) -> Rig:
        until = datetime.fromtimestamp(START_S + until_s, tz=UTC)
        declared = {
            "joulepilot.enable": "true",
            "joulepilot.deferrable-until": until.isoformat(),
            "joulepilot.work": f"{WORK_CPU_S}",
        } | {f"joulepilot.{key.replace('_', '-')}": value for key, value in labels.items()}
        jobs = [
            MadeUpJob(
                name="web",
                response=ReferenceResponse(),
                rate_per_s=50.0,
                labels=job_labels(15.0, model="resnet"),
            ),
            MadeUpJob(
                name="batch", response=ReferenceResponse(), rate_per_s=400.0, labels=declared
            ),
        ]
        character = NodeCharacter(reference_table().topology, REFERENCE_IDLE_W, 3, 0.002)
        node = MadeUpNode(tmp_path / "node", character, jobs, name="two", start_s=START_S)
        return Rig(node, NodeHome(tmp_path))

    return make
