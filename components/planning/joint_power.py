"""The node's power by what is in use of it, learned from its windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.planning.joint import NodePower

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.node.cpuset import CpuSet
    from components.node.topology import Topology

_NOISE = 0.01
"""Relative; of a window's power, and of the form itself."""
_PARTS = ("base", "socket", "l3", "core", "sibling", "busy")
_LIKE = 0.002
"""Windows whose counts differ by less, relatively, say nothing new."""


class PowerModel:
    """base + sockets awake + L3 groups awake + cores and siblings held + CPUs busy.

    Ridge regression over all windows seen; before the first, nothing is known.
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._information: NDArray[np.float64] | None = None
        self._moment = np.zeros(len(_PARTS))
        self._parts = np.zeros(len(_PARTS))
        self._last: NDArray[np.float64] | None = None

    @property
    def is_known(self) -> bool:
        """Whether a window was seen."""
        return self._information is not None

    @property
    def node(self) -> NodePower:
        """What jobs share."""
        return NodePower(*(float(part) for part in self._parts[:3]))

    @property
    def awake_w(self) -> float:
        """Power of the node with all of it awake and nothing to do."""
        return self.node.base_w + self.shared_core_w * self._topology.n_physical

    @property
    def shared_core_w(self) -> float:
        """Part of a core in what its L3 group and its socket draw while they are awake."""
        node, topology = self.node, self._topology
        awake_w = node.socket_w * topology.n_sockets + node.l3_w * topology.n_l3_groups
        return awake_w / topology.n_physical

    def observe(self, held: CpuSet, busy_cpus: float, power_w: float) -> None:
        """Take in a window: CPUs that jobs hold, how many were busy, and the node's power."""
        row = self._row(held, busy_cpus)
        known = self._expected(power_w) if self._information is None else self._information
        if self._last is not None and np.allclose(row, self._last, rtol=_LIKE, atol=0.02):
            return
        self._last = row
        weight = (_NOISE * power_w) ** -2
        self._information = known + weight * np.outer(row, row)
        self._moment = self._moment + weight * power_w * row
        self._parts = _not_negative(self._information, self._moment)

    def own_w(
        self,
        cores: NDArray[np.float64],
        siblings: NDArray[np.float64],
        busy_cpus: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Power of jobs beyond what they share; shapes alike."""
        core, sibling, busy = self._parts[3:]
        return np.asarray(core * cores + sibling * siblings + busy * busy_cpus)

    def _row(self, held: CpuSet, busy_cpus: float) -> NDArray[np.float64]:
        places = [self._topology.by_id[cpu] for cpu in held]
        cores = len({p.core for p in places})
        groups, sockets = len({p.l3 for p in places}), len({p.socket for p in places})
        return np.asarray([1.0, sockets, groups, cores, len(held) - cores, busy_cpus])

    def _expected(self, power_w: float) -> NDArray[np.float64]:
        """What nodes are like, in the scale of this one; doubtful by its whole size."""
        share_w = power_w / self._topology.n_physical
        expected = share_w * np.asarray([0.0, 2.0, 0.5, 0.3, 0.05, 0.35])
        expected[0] = 0.25 * power_w
        information = np.diag(expected**-2.0)
        self._moment = information @ expected
        return information


def _not_negative(
    information: NDArray[np.float64], moment: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve the normal equations; what would be negative is 0, and the rest is solved again."""
    active = np.ones(len(moment), dtype=np.bool_)
    parts = np.zeros(len(moment))
    while active.any():
        parts[:] = 0.0
        parts[active] = np.linalg.solve(information[np.ix_(active, active)], moment[active])
        if (parts >= 0.0).all():
            return parts
        active &= parts > 0.0
    return parts
