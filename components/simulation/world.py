"""What is true in each step of a scenario: latency of each job and power of the node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.madeup.conditions import Conditions, Disturbance, Running, conditions
from components.madeup.tenancy import Together
from components.simulation.cast import swapped
from components.simulation.scenario import EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.node.cpuset import CpuSet
    from components.simulation.cast import Cast, Player
    from components.simulation.scenario import Event


@dataclass(frozen=True, slots=True)
class Moment:
    """What holds in one step, whoever decides."""

    players: Mapping[str, Player]
    """As they are now."""
    rates_per_s: Mapping[str, float]
    disturbance: Disturbance
    silent: frozenset[str]
    """Jobs whose latency cannot be read."""


class World:
    """One cast; pure but for what it remembers of CPU sets."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.together = Together(cast.topology, cast.platform)
        everything = {p.name: cast.topology.ids for p in cast.players}
        usual = self._moment(0, with_events=False)
        self.all_cpus_w = self.outcome(usual, everything).power_w
        """Power with all CPUs for all jobs, at the load of the first step."""

    def moment(self, step: int) -> Moment:
        """What holds in a step."""
        return self._moment(step, with_events=True)

    def outcome(self, moment: Moment, held: Mapping[str, CpuSet]) -> Conditions:
        """What comes of the CPUs that jobs hold."""
        running = {
            name: Running(
                player.response.at_load(moment.rates_per_s[name] / player.rate_per_s),
                held[name],
                player.manners,
            )
            for name, player in moment.players.items()
        }
        return conditions(self.cast.topology, running, moment.disturbance, 0.0, self.together)

    def _moment(self, step: int, *, with_events: bool) -> Moment:
        at_s = step * self.cast.scenario.step_s
        players = {p.name: p for p in self.cast.players}
        rates = {p.name: p.rate_at(step) for p in self.cast.players}
        strangers: dict[int, float] = {}
        l3_factor: dict[int, float] = {}
        silent, cap_w = set(), None
        for event in self.cast.scenario.events if with_events else ():
            if not event.from_s <= at_s < event.to_s:
                continue
            name = self.cast.players[event.job].name
            match event.kind:
                case EventKind.MODEL_SWAP:
                    players[name] = swapped(players[name], event.factor)
                case EventKind.SILENCE:
                    silent.add(name)
                case EventKind.POWER_CAP:
                    cap_w = event.factor * self.all_cpus_w
                case EventKind.NOISY_NEIGHBOUR:
                    strangers |= dict.fromkeys(event.cpus, event.use)
                    l3_factor |= self._slowed(event)
        return Moment(players, rates, Disturbance(strangers, l3_factor, cap_w), frozenset(silent))

    def _slowed(self, event: Event) -> dict[int, float]:
        by_id = self.cast.topology.by_id
        return {by_id[cpu].l3: event.factor for cpu in event.cpus if cpu in by_id}
