"""The oracle: the joint plan with everything known beforehand; nobody can run it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Allocation
from components.planning.joint import JointAsk, NodePower, Option, Tenant
from components.planning.joint_packing import pack
from components.planning.joint_plan import plan_jointly
from components.planning.reserve import reserved_cpus, usable_cpus
from components.policy.candidates import candidates_of
from components.simulation.score import ORACLE
from components.solver.joint import improve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.planning.joint import JointPlan
    from components.simulation.cast import Cast, Player
    from components.simulation.play import Seen
    from components.simulation.world import Moment, World
    from components.solver.problem import Problem, Solution

AHEAD_STEPS = 6
"""It plans for the highest load of so many steps, and looks again after them."""
SOLVE_EVERY = 60
"""Steps between two plans that the solver is asked to prove."""
_ROUNDS = 8
_PASSES = 2
_TRIES = 12
_SAME_RATE = 0.01
_MOVE_W = 0.2


class Oracle:
    """Implements `Contender`: true surfaces, true interference, the load that is to come."""

    name = ORACLE

    def __init__(self, world: World, solve: Callable[[Problem], Solution] | None = None) -> None:
        self._world = world
        self._solve = solve
        self._cast = world.cast
        most = len(usable_cpus(self._cast.topology))
        self._candidates = candidates_of(self._cast.topology, 1, most)
        self._footprints = self._cast.table.of(self._candidates)
        self._plan: JointPlan | None = None
        self._planned_at = -AHEAD_STEPS
        self._planned: dict[str, float] = {}
        self.gaps: list[float] = []
        """What the solver proved, of the plans it was asked about."""

    def begin(self, cast: Cast) -> dict[str, CpuSet]:
        """Plan for the first steps."""
        return self._decide(0, {p.name: cast.topology.ids for p in cast.players})

    def next(self, seen: Seen) -> dict[str, CpuSet]:
        """Plan for the next steps."""
        step = seen.step + 1
        if step >= self._cast.scenario.n_steps:
            return dict(seen.held)
        is_same = self._world.moment(step).disturbance == self._world.moment(seen.step).disturbance
        same_players = self._world.moment(step).players == self._world.moment(seen.step).players
        if is_same and same_players and not self._is_due(step):
            return dict(seen.held)
        return self._decide(step, dict(seen.held))

    def _is_due(self, step: int) -> bool:
        """Whether it is time to look again, and anything has changed."""
        if step < self._planned_at + AHEAD_STEPS:
            return False
        now = self._rates(step)
        same = all(abs(now[n] / self._planned[n] - 1.0) < _SAME_RATE for n in now)
        if same:
            self._planned_at = step
        return not same

    def _rates(self, step: int) -> dict[str, float]:
        last = min(step + AHEAD_STEPS, self._cast.scenario.n_steps)
        return {
            p.name: p.rate_per_s * float(p.factors[step:last].max()) for p in self._cast.players
        }

    def _decide(self, step: int, held: dict[str, CpuSet]) -> dict[str, CpuSet]:
        self._planned_at = step
        moment = self._world.moment(step)
        rates = self._planned = self._rates(step)
        moment = replace(moment, rates_per_s=rates)
        stretch = dict.fromkeys(moment.players, 1.0)
        best: tuple[int, float, dict[str, CpuSet]] | None = None
        barred = reserved_cpus(self._cast.topology) | frozenset(moment.disturbance.strangers)
        tenants: list[Tenant] = []
        for _ in range(_ROUNDS):
            tenants = [
                self._tenant(player, rates[name], stretch[name], held[name])
                for name, player in moment.players.items()
            ]
            plan = self._ask(tenants, barred, step)
            cpus = {name: a.cpus for name, a in plan.allocations.items()}
            cpus = {name: cpus.get(name, held[name]) for name in held}
            outcome = self._world.outcome(moment, cpus)
            over = {
                p.name: outcome.latency_ms[p.name] / p.target_ms for p in moment.players.values()
            }
            missed = {name: ratio for name, ratio in over.items() if ratio > 1.0}
            found = (len(missed), outcome.power_w, cpus)
            if best is None or found[:2] < best[:2]:
                best, self._plan = found, plan
            if not missed:
                break
            for name, ratio in missed.items():
                stretch[name] *= min(ratio * 1.005, 1.3)
        return held if best is None else self._polish(moment, tenants, best[2], barred)

    def _polish(
        self,
        moment: Moment,
        tenants: Sequence[Tenant],
        held: dict[str, CpuSet],
        barred: CpuSet,
    ) -> dict[str, CpuSet]:
        """Take less for one job after the other, as long as the truth allows it."""
        plan = self._plan
        if plan is None or set(plan.allocations) != set(held):
            return held
        chosen = {name: allocation.candidate for name, allocation in plan.allocations.items()}
        best = self._worth(moment, held)
        for tenant in [t for _ in range(_PASSES) for t in tenants]:
            for option in self._less(tenant, chosen[tenant.job]):
                tried = chosen | {tenant.job: option.candidate}
                cpus = self._packed(tenants, tried, held, barred)
                worth = None if cpus is None else self._worth(moment, cpus)
                if cpus is not None and worth is not None and worth < best:
                    best, held, chosen = worth, cpus, tried
                    break
        self._plan = replace(
            plan, allocations={name: Allocation(chosen[name], held[name]) for name in held}
        )
        return held

    def _worth(self, moment: Moment, held: dict[str, CpuSet]) -> tuple[int, float]:
        """Targets missed, and power; less is better."""
        outcome = self._world.outcome(moment, held)
        missed = sum(outcome.latency_ms[n] > p.target_ms for n, p in moment.players.items())
        return missed, outcome.power_w

    def _less(self, tenant: Tenant, candidate: Candidate) -> list[Option]:
        """The options that draw less than one does, those first that draw least."""
        now = next((o.power_w for o in tenant.options if o.candidate == candidate), 0.0)
        return sorted((o for o in tenant.options if o.power_w < now), key=lambda o: o.power_w)[
            :_TRIES
        ]

    def _packed(
        self,
        tenants: Sequence[Tenant],
        chosen: dict[str, Candidate],
        held: dict[str, CpuSet],
        barred: CpuSet,
    ) -> dict[str, CpuSet] | None:
        now = [replace(t, current=held[t.job], candidate=chosen[t.job]) for t in tenants]
        changed = {t.job: len(held[t.job]) != chosen[t.job].n_cpus for t in tenants}
        now = [replace(t, candidate=None) if changed[t.job] else t for t in now]
        ask = JointAsk(self._cast.topology, tuple(now), NodePower(0.0, 0.0, 0.0), barred)
        options = {name: Option(candidate, 0.0, 0.0) for name, candidate in chosen.items()}
        return pack(ask, options, stay=True)

    def _ask(self, tenants: list[Tenant], barred: CpuSet, step: int) -> JointPlan:
        platform = self._cast.platform
        ask = JointAsk(
            self._cast.topology,
            tuple(tenants),
            NodePower(platform.idle_w, platform.socket_w, platform.l3_w),
            barred,
            move_w=_MOVE_W,
        )
        if self._solve is None or step % SOLVE_EVERY:
            return plan_jointly(ask)
        plan = improve(ask, self._solve)
        if plan.gap is not None:
            self.gaps.append(plan.gap)
        return plan

    def _tenant(self, player: Player, rate: float, stretch: float, held: CpuSet) -> Tenant:
        response = player.response.at_load(rate / player.rate_per_s)
        latency_ms = response.latency_ms(self._footprints) * stretch
        own_w = response.power_w(self._footprints)
        worth = np.flatnonzero(latency_ms <= player.target_ms)
        if not worth.size:
            worth = np.argsort(latency_ms)[:8]
        options = tuple(
            Option(self._candidates[i], float(latency_ms[i]), float(own_w[i]))
            for i in worth.tolist()
        )
        allocation = None if self._plan is None else self._plan.allocations.get(player.name)
        is_ours = allocation is not None and allocation.cpus == held
        return Tenant(
            player.name,
            player.target_ms,
            options,
            held,
            allocation.candidate if allocation is not None and is_ours else None,
            player.priority,
        )
