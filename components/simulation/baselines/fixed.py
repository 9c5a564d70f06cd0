"""Baselines that decide once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout, place
from components.planning.reserve import reserved_cpus, usable_cpus
from components.policy.candidates import candidates_of
from components.simulation.score import ALL_CPUS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.simulation.cast import Cast, Player
    from components.simulation.play import Seen

OVER_REQUESTED = 1.5
"""What people request over what is needed; half of requested CPU is idle in published traces."""


class Fixed:
    """Implements `Contender`: what was decided in the beginning stays."""

    def __init__(self, name: str, decide: Callable[[Cast], dict[str, CpuSet]]) -> None:
        self.name = name
        self._decide = decide

    def begin(self, cast: Cast) -> dict[str, CpuSet]:
        """Decide."""
        return self._decide(cast)

    def next(self, seen: Seen) -> dict[str, CpuSet]:
        """Stay."""
        return dict(seen.held)


def fixed_baselines() -> tuple[Fixed, ...]:
    """All of them, fresh."""
    return (
        Fixed(ALL_CPUS, lambda cast: {p.name: cast.topology.ids for p in cast.players}),
        Fixed("equal shares", equal_shares),
        Fixed("per-job static best", static_best),
        Fixed("Kubernetes static CPUs", kubernetes),
    )


def equal_shares(cast: Cast) -> dict[str, CpuSet]:
    """As many neighbouring cores for each, with their siblings."""
    topology, usable = cast.topology, usable_cpus(cast.topology)
    cores: dict[int, list[int]] = {}
    for cpu in sorted(topology.cpus, key=lambda c: (c.socket, c.l3, c.core, c.thread)):
        if cpu.id in usable:
            cores.setdefault(cpu.core, []).append(cpu.id)
    parts = np.array_split(np.asarray(list(cores)), len(cast.players))
    shares = {
        p.name: frozenset(cpu for core in part.tolist() for cpu in cores[core])
        for p, part in zip(cast.players, parts, strict=True)
    }
    return {name: cpus or usable for name, cpus in shares.items()}


def static_best(cast: Cast) -> dict[str, CpuSet]:
    """What a sweep of each job alone on an idle node shows to be best at its highest load."""
    wanted = {p.name: _best_alone(cast, p) for p in cast.players}
    return _place_all(cast, wanted)


def kubernetes(cast: Cast) -> dict[str, CpuSet]:
    """Guaranteed pods with whole numbers of exclusive CPUs, requested with the usual margin."""
    wanted = {}
    for player in cast.players:
        best = _best_alone(cast, player)
        n = min(round(OVER_REQUESTED * best.n_cpus), len(usable_cpus(cast.topology)))
        wanted[player.name] = type(best)(n, Layout.SMT)  # full cores, as its policy packs them
    return _place_all(cast, wanted)


def _best_alone(cast: Cast, player: Player) -> Candidate:
    most = len(usable_cpus(cast.topology))
    candidates = candidates_of(cast.topology, 1, most)
    response = player.response.at_load(float(player.factors.max()))
    footprints = cast.table.of(candidates)
    latency_ms = response.latency_ms(footprints)
    platform = cast.platform
    awake_w = platform.socket_w * footprints.n_sockets + platform.l3_w * footprints.n_l3
    power_w = response.power_w(footprints) + awake_w
    meets = latency_ms <= 0.98 * player.target_ms
    value = np.where(meets, power_w, np.inf) if meets.any() else latency_ms
    return candidates[int(np.argmin(value))]


def _place_all(cast: Cast, wanted: Mapping[str, Candidate]) -> dict[str, CpuSet]:
    """One after the other around those before; what finds no room shares the widest's CPUs."""
    topology = cast.topology
    taken = reserved_cpus(topology)
    placed: dict[str, CpuSet] = {}
    for name, candidate in wanted.items():
        room = len(topology.ids - taken) - (len(wanted) - len(placed) - 1)
        cpus = _fit(topology, candidate, taken, room)
        placed[name] = cpus or max(placed.values(), key=len)
        taken |= placed[name]
    return placed


def _fit(topology: Topology, candidate: Candidate, taken: CpuSet, room: int) -> CpuSet | None:
    n_cpus = min(candidate.n_cpus, room)
    if n_cpus < 1:
        return None
    return place(topology, n_cpus, candidate.layout, taken=taken)
