"""What is asked of a joint plan for all jobs of a node, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from components.planning.interference import NO_SENSITIVITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.candidate import Allocation, Candidate
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.planning.interference import Sensitivity

NONE: CpuSet = frozenset()


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a job could be given."""

    candidate: Candidate
    latency_ms: float
    """What it is judged by: the prediction with its doubt, at the load to be planned for."""
    power_w: float
    """Power the job itself draws, above what the node draws idle and awake. Only differences
    between the options of a job matter."""
    use: float = 1.0
    """How busy it keeps each of its CPUs, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One job of a joint plan."""

    job: str
    target_ms: float
    options: tuple[Option, ...]
    """Not empty; one per candidate."""
    current: CpuSet
    """The CPUs in force."""
    candidate: Candidate | None
    """What is in force; None where it is nothing that a plan gave."""
    priority: int = 0
    sensitivity: Sensitivity = NO_SENSITIVITY

    def meets(self, option: Option) -> bool:
        """Whether an option keeps the target."""
        return option.latency_ms <= self.target_ms


@dataclass(frozen=True, slots=True)
class NodePower:
    """The parts of a node's power that its jobs share."""

    base_w: float
    """With nothing awake."""
    socket_w: float
    """Of a socket any of whose cores is in use."""
    l3_w: float
    """Of an L3 group any of whose cores is in use."""


@dataclass(frozen=True)
class JointAsk:
    """All that a joint plan depends on."""

    topology: Topology
    tenants: tuple[Tenant, ...]
    power: NodePower
    barred: CpuSet = NONE
    """CPUs that nobody is given: reserved, protected or offline."""
    others: CpuSet = NONE
    """CPUs of jobs that are not to be planned; awake, and taken."""
    move_w: float = 0.0
    """What a job's move has to save, in watts of the node."""

    @cached_property
    def by_job(self) -> Mapping[str, Tenant]:
        """The tenants by name."""
        return {tenant.job: tenant for tenant in self.tenants}


@dataclass(frozen=True, slots=True)
class Short:
    """A job whose target cannot be kept beside those that come before it."""

    job: str
    by: float
    """Predicted latency over the target, less 1; infinite where there is no CPU for it."""
    reason: str


@dataclass(frozen=True, slots=True)
class JointPlan:
    """One assignment for all jobs."""

    allocations: Mapping[str, Allocation] = field(default_factory=dict)
    """Of every tenant that found room."""
    shorts: tuple[Short, ...] = ()
    power_w: float = 0.0
    """Predicted power of the node."""
    movers: tuple[str, ...] = ()
    """Jobs whose CPUs change."""
    moves_w: float = 0.0
    """What its moves were counted as."""
    bound_w: float | None = None
    """No assignment comes to less, moves included, as a solver proved; None: nobody proved it."""

    @property
    def gap(self) -> float | None:
        """How far the plan may be from the best, as a share of the node's power."""
        if self.bound_w is None or self.power_w <= 0:
            return None
        cost_w = self.power_w + self.moves_w
        return max(cost_w - self.bound_w, 0.0) / cost_w
