"""One job in charge: its container, its mind, its windows, and what is in force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from components.executor.sampling import InForce
from components.jobs.candidate import Candidate
from components.jobs.job import Mode
from components.node.placement import Layout, place
from components.planning.reserve import usable_cpus

if TYPE_CHECKING:
    from components.actuation.host import Container
    from components.executor.decision import JobDecision
    from components.executor.jobs_in_charge import Managed
    from components.executor.observation import WindowObserver
    from components.executor.shadow import Shadow
    from components.executor.window import ClosedWindow
    from components.jobs.candidate import Allocation
    from components.jobs.job import Job
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.planning.guard import Ruling
    from components.telemetry.sample import Arm

HARDLY_ANY = 0.02
"""Share of a node's CPUs that makes no difference to see."""
_REACH = {Mode.OFF: 0, Mode.RECOMMEND: 1, Mode.CANARY: 2, Mode.AUTO: 3}


@dataclass(frozen=True, slots=True)
class Hold:
    """A job that is to stay as it is."""

    reason: str
    until_s: float | None = None
    """By the node's monotonic clock; None: until someone says otherwise."""


@dataclass(slots=True)
class JobRun:
    """Everything that is known of one job while it runs."""

    managed: Managed
    decision: JobDecision
    observer: WindowObserver
    original: CpuSet
    in_force: InForce
    mode: Mode
    """The job's own mode, as far as the node and the release let it go."""
    last_good: Allocation | None = None
    """What kept this target last, in an earlier search or before a restart."""
    hold: Hold | None = None
    window: ClosedWindow | None = None
    """The last one that was closed."""
    ruling: Ruling | None = None
    denied: str | None = None
    is_idle: bool = False
    """Too little was asked of it to judge a window."""
    trouble: str | None = None
    """Why its CPUs could not be changed or read the last time."""
    retry_at_s: float = 0.0
    fulfils: int = -1
    """Number of the intent that what is in force fulfils."""
    decided_by: str | None = None
    """Digest of the policy that was last asked about it."""
    n_decisions: int = 0
    started_ms: int = 0
    rival: JobDecision | None = None
    """The mind whose turn it is not, while champion and challenger take turns."""
    shadow: Shadow | None = None
    """A challenger that predicts beside whoever decides."""
    variant: str | None = None
    """Version of the application that answers, by its server's word; None: it says nothing."""
    is_on_trial: bool = False
    """Whether that version is only being tried: its windows say nothing of the job's CPUs."""
    is_challenged: bool = False
    """Whether the challenger decides now."""
    arm_propensity: float = 1.0
    """Probability with which this arm's turn was drawn."""

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.managed.job.name

    @property
    def job(self) -> Job:
        """What its owner says of it."""
        return self.managed.job

    @property
    def container(self) -> Container:
        """Where it runs."""
        return self.managed.container

    @property
    def acts(self) -> bool:
        """Whether its CPUs may be changed by decision now."""
        return self.mode.acts and self.hold is None

    def decide_id(self) -> str:
        """Name the next decision; unique on the node, over restarts too."""
        self.n_decisions += 1
        return f"{self.name}-{self.started_ms:x}-{self.n_decisions}"

    def put_in_force(
        self,
        cpus: CpuSet,
        candidate: Candidate | None,
        arm: Arm,
        *,
        propensity: float = 1.0,
        is_placed: bool,
    ) -> None:
        """Note what is in force from now on, and why."""
        decision_id = self.decide_id()
        self.in_force = InForce(cpus, candidate, arm, decision_id, propensity, is_placed, cpus)

    def relabel(self, arm: Arm) -> None:
        """The same CPUs, for another reason; the open window has to be begun anew."""
        if self.in_force.arm is not arm:
            self.in_force = replace(self.in_force, arm=arm, decision_id=self.decide_id())

    def shrank_or_came_back(self, cpus: CpuSet) -> None:
        """Note that of the same setting other CPUs are in force: some went offline, or came on."""
        self.in_force = replace(self.in_force, cpus=cpus, decision_id=self.decide_id())


def reach(*modes: Mode) -> Mode:
    """The least far-going of some modes."""
    return min(modes, key=lambda mode: _REACH[mode])


def candidate_of(topology: Topology, cpus: CpuSet) -> Candidate | None:
    """The candidate that CPUs we did not choose amount to; None where they follow no layout.

    All CPUs count as the widest candidate where that leaves hardly any of them to the system.
    """
    usable = usable_cpus(topology)
    if cpus == topology.ids and len(cpus - usable) <= HARDLY_ANY * len(cpus):
        cpus = usable
    if not cpus or not cpus <= topology.ids or len(cpus) > len(usable):
        return None
    for layout in Layout:
        if place(topology, len(cpus), layout) == cpus:
            return Candidate(len(cpus), layout)
    return None
