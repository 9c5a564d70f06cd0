"""Several jobs on one made-up node: what they share of its power, and what they do to each other.

A form of its own on purpose, so that what learns interference has something to find out: the
share of an L3 cache that others take works with a knee, memory bandwidth only once a socket is
asked for more than it has, and a busy sibling slows a core in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.errors import MadeUpError
from components.madeup.family_knots import KnotsResponse
from components.madeup.family_stepped import SteppedResponse
from components.madeup.family_tiles import TilesResponse
from components.madeup.family_usl import UslResponse
from components.madeup.footprint import footprints_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from components.madeup.footprint import Footprints, LayoutTable
    from components.madeup.surface import Response
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology


@dataclass(frozen=True, slots=True)
class Platform:
    """What a node draws apart from its jobs."""

    idle_w: float
    socket_w: float
    """Of a socket any of whose cores a job has."""
    l3_w: float
    core_w: float
    """Of a core that works all the time, for a job of average intensity."""


@dataclass(frozen=True, slots=True)
class Manners:
    """What one job does to others, and how much it minds them."""

    minds_l3: float = 0.0
    minds_siblings: float = 0.0
    minds_memory: float = 0.0
    takes_l3: float = 0.0
    """Share of an L3 cache that it would take with all its cores busy."""
    takes_memory: float = 0.0
    """Share of a socket's memory bandwidth that it would take with all its cores busy."""


MINDS_NOBODY = Manners()
_KNEE = 0.4
"""Share of an L3 cache that others may take before it is felt much."""
_ENOUGH = 0.6
"""Share of a socket's memory bandwidth up to which nobody waits for it."""


def draw_platform(rng: np.random.Generator, n_cores: int) -> Platform:
    """Draw a node's own power: between a frugal and a hungry one of its size."""
    return Platform(
        idle_w=float(rng.uniform(0.5, 1.1)) * n_cores + float(rng.uniform(10.0, 30.0)),
        socket_w=float(rng.uniform(6.0, 18.0)),
        l3_w=float(rng.uniform(1.0, 4.0)),
        core_w=float(rng.uniform(3.5, 6.0)),
    )


def draw_manners(rng: np.random.Generator) -> Manners:
    """Draw a job's manners: most jobs mind a little, some a lot."""
    return Manners(
        minds_l3=float(rng.choice([rng.uniform(0.0, 0.1), rng.uniform(0.1, 0.4)])),
        minds_siblings=float(rng.uniform(0.2, 0.6)),
        minds_memory=float(rng.uniform(0.0, 0.3)),
        takes_l3=float(rng.uniform(0.3, 1.2)),
        takes_memory=float(rng.uniform(0.2, 1.2)),
    )


def as_tenant(
    response: Response, platform: Platform, table: LayoutTable, intensity: float
) -> Response:
    """The same job where what it draws is only what it adds to an awake node.

    Args:
        response: of a made-up family, drawn for the node of `table`.
        platform: whose cores it runs on.
        table: the node.
        intensity: power of a busy core over the platform's.

    Raises:
        MadeUpError: the response is of no family known here.
    """
    core_w = platform.core_w * intensity
    if isinstance(response, UslResponse):
        return replace(response, idle_w=0.0, socket_w=0.0, l3_w=0.0, core_w=core_w)
    if isinstance(response, TilesResponse):
        tile = replace(response, base_w=0.0, second_socket_w=0.0, l3_w=0.0, tenants_w=0.0)
        return replace(tile, core_w=core_w)
    if isinstance(response, SteppedResponse):
        stepped = replace(response, floor_w=0.0, uncore_w=0.0, group_w=0.0)
        sibling_w, boost_w = 0.2 * core_w, min(response.boost_w, 0.3 * core_w)
        return replace(stepped, core_w=core_w, sibling_w=sibling_w, boost_w=boost_w)
    if isinstance(response, KnotsResponse):
        knots = replace(response, static_w=0.0, socket_w=0.0)
        of_core_w = knots.power_w(table.footprints) / table.footprints.n_physical
        shift = float(np.log(core_w / of_core_w.max()))
        return replace(knots, log_dynamic_w=tuple(w + shift for w in knots.log_dynamic_w))
    raise MadeUpError(
        f"asked for a tenant of the kind {type(response).__name__}",
        "its power cannot be told from the node's",
        "give a response of one of the made-up families",
    )


@dataclass(frozen=True, slots=True)
class Lodger:
    """A job's place and use."""

    cpus: CpuSet
    use: float
    """Of each of its CPUs, in [0, 1]."""
    manners: Manners


class Together:
    """One node's platform, and what jobs on it do to each other; remembers counts of CPU sets."""

    def __init__(self, topology: Topology, platform: Platform) -> None:
        self.platform = platform
        self._topology = topology
        self._footprints: dict[CpuSet, Footprints] = {}
        self._threads: dict[CpuSet, NDArray[np.float64]] = {}
        by_core = {cpu.core: cpu for cpu in topology.cpus}
        cores = [by_core[core] for core in sorted(by_core)]
        self._core_row = {cpu.core: row for row, cpu in enumerate(cores)}
        groups = sorted({cpu.l3 for cpu in cores})
        sockets = sorted({cpu.socket for cpu in cores})
        self._l3_of = np.asarray([[float(cpu.l3 == g) for g in groups] for cpu in cores])
        self._socket_of = np.asarray([[float(cpu.socket == s) for s in sockets] for cpu in cores])

    def footprint(self, cpus: CpuSet) -> Footprints:
        """What a set of CPUs occupies; one row."""
        known = self._footprints.get(cpus)
        if known is None:
            known = self._footprints[cpus] = footprints_of(self._topology, [cpus])
        return known

    def shared_power_w(self, held: CpuSet) -> float:
        """Power of the node with some CPUs held, before any work is done."""
        if not held:
            return self.platform.idle_w
        footprint, platform = self.footprint(held), self.platform
        awake_w = platform.socket_w * footprint.n_sockets[0] + platform.l3_w * footprint.n_l3[0]
        return platform.idle_w + float(awake_w)

    def dynamic_w(self, own_w: Mapping[str, float], held: Mapping[str, CpuSet]) -> float:
        """Power of the work of all jobs; on a core that jobs share it is less than their sum.

        Jobs come and go independently there, and nothing makes a core draw more than all the time.
        """
        if not own_w:
            return 0.0
        on = np.asarray([self._on_cores(held[name]) > 0 for name in own_w])
        each = np.asarray([[w] for w in own_w.values()]) / on.sum(axis=1, keepdims=True) * on
        most_w = np.maximum(each.max(axis=0), self.platform.core_w)
        together = most_w * (1.0 - np.prod(1.0 - each / most_w, axis=0))
        return float(np.where(on.sum(axis=0) > 1, together, each.sum(axis=0)).sum())

    def stretches(self, lodgers: Mapping[str, Lodger]) -> dict[str, float]:
        """Factor on each job's latency by what the others do to it."""
        names = list(lodgers)
        manners = [lodgers[name].manners for name in names]
        held = np.asarray([self._on_cores(lodgers[name].cpus) for name in names])
        busy = np.minimum(held * np.asarray([[lodgers[name].use] for name in names]), 1.0)
        takes_l3 = np.asarray([[m.takes_l3] for m in manners])
        takes_memory = np.asarray([[m.takes_memory] for m in manners])
        l3_of, socket_of = self._l3_of, self._socket_of
        cache = (busy * takes_l3) @ l3_of / l3_of.sum(axis=0)
        memory = ((busy * takes_memory) @ socket_of / socket_of.sum(axis=0)).sum(axis=0)
        own = (held > 0).astype(np.float64)
        n_own = own.sum(axis=1).clip(1.0)
        others = cache.sum(axis=0) - cache
        felt = others**2 / (_KNEE**2 + others**2)
        by_l3 = ((felt @ l3_of.T) * own).sum(axis=1) / n_own
        siblings = ((busy.sum(axis=0) - busy).clip(0.0, 1.0) * own).sum(axis=1) / n_own
        by_memory = own @ (socket_of @ np.maximum(memory - _ENOUGH, 0.0)) / n_own
        stretch = (
            (1.0 + np.asarray([m.minds_l3 for m in manners]) * by_l3)
            * (1.0 + np.asarray([m.minds_siblings for m in manners]) * siblings)
            * (1.0 + np.asarray([m.minds_memory for m in manners]) * by_memory)
        )
        return dict(zip(names, stretch.tolist(), strict=True))

    def _on_cores(self, cpus: CpuSet) -> NDArray[np.float64]:
        """How many threads of each core are held; cores ascending."""
        known = self._threads.get(cpus)
        if known is None:
            known = np.zeros(len(self._core_row))
            for cpu in cpus:
                known[self._core_row[self._topology.by_id[cpu].core]] += 1.0
            self._threads[cpus] = known
        return known
