"""Who plays in a scenario: the node and jobs drawn for a seed, and their load in every step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Candidate
from components.madeup.family_knots import draw_knots
from components.madeup.family_stepped import draw_stepped
from components.madeup.family_tiles import draw_tiles
from components.madeup.family_usl import draw_usl
from components.madeup.footprint import grid_table
from components.madeup.slower import Slower
from components.madeup.tenancy import as_tenant, draw_manners, draw_platform
from components.simulation.recorded import recorded_table, response_of
from components.simulation.traces import factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from components.madeup.footprint import LayoutTable
    from components.madeup.surface import Response
    from components.madeup.tenancy import Manners, Platform
    from components.node.topology import Topology
    from components.simulation.recorded import RecordedSurface
    from components.simulation.scenario import NodePlan, Scenario

_DRAW: Mapping[str, Callable[[np.random.Generator, LayoutTable], Response]] = {
    "usl": draw_usl,
    "tiles": draw_tiles,
    "stepped": draw_stepped,
    "knots": draw_knots,
}
_LEAST_GAIN = 1.5
"""A job that twice its cores make less than so much faster says nothing of allocation."""


@dataclass(frozen=True, slots=True)
class Player:
    """One job."""

    name: str
    response: Response
    rate_per_s: float
    """Its usual rate, at which `response` holds."""
    target_ms: float
    manners: Manners
    factors: NDArray[np.float64]
    """Shape (steps,): offered over usual rate."""
    priority: int = 0

    def rate_at(self, step: int) -> float:
        """Requests offered per second."""
        return self.rate_per_s * float(self.factors[step])


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything that was drawn."""

    scenario: Scenario
    seed: int
    table: LayoutTable
    platform: Platform
    players: tuple[Player, ...]

    @property
    def topology(self) -> Topology:
        """The node."""
        return self.table.topology


def draw_cast(scenario: Scenario, seed: int, recordings: Sequence[RecordedSurface] = ()) -> Cast:
    """Draw node and jobs; the same seed gives the same.

    Args:
        scenario: what node and jobs there are.
        seed: of all that is drawn.
        recordings: what jobs answer like, in place of made-up families; then the node is theirs.

    Raises:
        ScenarioError: a load cannot be read, or the recordings are of different nodes.
    """
    plan = scenario.jobs
    table = recorded_table(recordings) if recordings else _made_up_table(scenario.node)
    kinds = tuple(s.name for s in recordings) or plan.families
    rng = np.random.default_rng([seed, 0xCA57])
    n_cores = table.topology.n_physical
    platform = draw_platform(rng, n_cores)
    shares = rng.dirichlet(np.full(plan.n, 3.0)) * plan.share_of_cores * n_cores
    players = []
    for number, cores in enumerate(shares.tolist()):
        family = kinds[number % len(kinds)]
        needs = int(np.clip(round(cores), 1, max(n_cores // 2, 1)))
        if recordings:
            response: Response = response_of(recordings[number % len(recordings)], table)
        else:
            response = _draw_scalable(rng, table, _DRAW[family], needs)
            response = as_tenant(response, platform, table, float(rng.uniform(0.8, 1.2)))
        response = _at_use(response, table, needs, float(rng.uniform(0.35, 0.6)))
        latency = response.latency_ms(table.of([Candidate(needs)]))
        players.append(
            Player(
                name=f"{family.replace('/', '.')}-{number}",
                response=response,
                rate_per_s=float(np.exp(rng.uniform(np.log(40.0), np.log(200.0)))),
                target_ms=float(latency[0]) * float(rng.uniform(1.01, 1.08)),
                manners=draw_manners(rng),
                factors=_factors(scenario, number, seed),
                priority=plan.n - number,
            )
        )
    return Cast(scenario, seed, table, platform, tuple(players))


def swapped(player: Player, factor: float) -> Player:
    """The job with a model that takes longer."""
    return replace(player, response=Slower(player.response, factor))


def _made_up_table(node: NodePlan) -> LayoutTable:
    return grid_table(
        sockets=node.sockets,
        l3_per_socket=node.l3_per_socket,
        cores_per_l3=node.cores_per_l3,
        threads_per_core=node.threads_per_core,
    )


def _draw_scalable(
    rng: np.random.Generator,
    table: LayoutTable,
    draw: Callable[[np.random.Generator, LayoutTable], Response],
    needs: int,
) -> Response:
    """Draw until the cores it is to need make a difference."""
    half = max(needs // 2, 1)
    while True:
        response = draw(rng, table)
        if needs == half:
            return response
        slow, fast = response.latency_ms(table.of([Candidate(half), Candidate(needs)]))
        if slow >= _LEAST_GAIN ** (np.log2(needs / half)) * fast:
            return response


def _at_use(response: Response, table: LayoutTable, needs: int, use: float) -> Response:
    """The job at the load that keeps the cores it needs as busy as wanted."""
    footprint = table.of([Candidate(needs)])
    low, high = 1e-4, 1e4
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        if float(response.at_load(middle).utilization(footprint)[0]) < use:
            low = middle
        else:
            high = middle
    return response.at_load(high)


def _factors(scenario: Scenario, number: int, seed: int) -> NDArray[np.float64]:
    value = np.ones(scenario.n_steps)
    for position, load in enumerate(scenario.loads):
        if not load.jobs or number in load.jobs:
            rng = np.random.default_rng([seed, number, position])
            value = factors(load, scenario.n_steps, scenario.step_s, rng, scenario.folder)
    return value


def names(players: Sequence[Player]) -> tuple[str, ...]:
    """Names in order."""
    return tuple(player.name for player in players)
