"""Our own search as a contender: the code that runs on nodes, told what the arena reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from components.jobs.target import Target
from components.node.topology import grid_topology
from components.policy.search import Search
from components.policy.search_settings import SearchSettings
from components.policy.steps import Confirm, Infeasible, Observation, Probe, Settled
from models.allocator.arena import Decision
from models.allocator.errors import ArenaError

if TYPE_CHECKING:
    from components.node.topology import Topology
    from components.policy.brain import Brain
    from models.allocator.arena import Read, Task

_MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class PolicyContender:
    """Searches with a bundle."""

    brain: Brain
    probe_rule: str
    """`learned`, `look-ahead` or `expected-improvement`."""
    settings: SearchSettings = field(default_factory=SearchSettings)

    @property
    def name(self) -> str:
        """After what picks the probes, and what the job's operator allows beyond the default."""
        least, most = self.settings.min_p_feasible, self.settings.max_unsafe_probes
        is_bold = least < SearchSettings().min_p_feasible
        allowed = f", allowed P ≥ {least:g} and {most} misses" if is_bold else ""
        return f"ours, {self.probe_rule}{allowed}"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Do what the search asks for until it ends."""
        settings = replace(self.settings, probe_rule=self.probe_rule)
        topology, target = topology_of(task), Target(task.target_ms)
        search = Search(self.brain, topology, task.candidates, target, settings)
        for _ in range(_MAX_STEPS):
            step = search.next()
            match step:
                case Settled():
                    return Decision(step.candidate)
                case Infeasible():
                    return Decision(step.candidate, infeasible=True)
                case Probe():
                    reading, n_windows = read(step.candidate), 1
                case Confirm():
                    reading, n_windows = read(step.candidate, step.n_windows), step.n_windows
            search.observe(
                Observation(step.candidate, reading.latency_ms, reading.power_w, float(n_windows))
            )
        raise ArenaError(
            f"let {self.name} decide {task.name}",
            f"its search did not end in {_MAX_STEPS} steps",
            "check the bundle and the settings of the search",
        )


def topology_of(task: Task) -> Topology:
    """The task's topology; where only counts are known, one socket with one L3 group."""
    if task.topology is not None:
        return task.topology
    threads = max(task.n_logical // task.n_physical, 1)
    return grid_topology(
        sockets=1,
        l3_per_socket=1,
        cores_per_l3=-(-task.n_logical // threads),
        threads_per_core=threads,
    )
