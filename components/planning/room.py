"""Who has which CPUs while the jobs of a node are ruled on: nobody falls back into another's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.jobs.candidate import Allocation
from components.planning.plan import NONE, choose_cpus
from components.planning.reserve import is_shared, reserved_cpus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.node.cpuset import CpuSet
    from components.node.topology import Topology


class Room:
    """The CPUs that jobs were given, and those they are about to get.

    What was good for a job once may be another's by now. Only CPUs that its owner gave a job are
    shared, as they were before us; and on a node so small that all is shared, everything.
    """

    def __init__(
        self, topology: Topology, held: Mapping[str, CpuSet], offline: CpuSet = NONE
    ) -> None:
        """Take the CPUs in force of every job that we placed, and those nobody may have."""
        self._topology = topology
        self._held = dict(held)
        self._offline = offline

    def claim(self, job: str, cpus: CpuSet) -> None:
        """Keep the others off these CPUs, too."""
        self._held[job] = self._held.get(job, NONE) | cpus

    def refuge(self, job: str, good: Allocation, current: CpuSet) -> Allocation | None:
        """The last good allocation of a job, clear of the others.

        Its own CPUs where nobody has them now; else as many others in the same layout; else all
        that is free, which is no less than it was given. None where nothing is free.
        """
        others = {name: cpus for name, cpus in self._held.items() if name != job}
        taken = NONE.union(*others.values())
        if is_shared(self._topology) or not good.cpus & taken:
            return good
        candidate = good.candidate
        cpus = choose_cpus(self._topology, candidate, current, others, self._offline)
        if cpus is None:
            cpus = self._topology.ids - reserved_cpus(self._topology) - self._offline - taken
        return Allocation(replace(candidate, n_cpus=len(cpus)), cpus) if cpus else None
