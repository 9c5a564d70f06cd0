"""Improves a joint plan by the solver, and says how far it may still be from the best."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.node.placement import Layout
from components.planning.joint_choice import allowed_options
from components.planning.joint_packing import place_in_groups
from components.planning.joint_plan import evaluate, plan_jointly, rank
from components.planning.joint_shape import distinct, shapes_of, usable_cores
from components.solver.problem import Choice, JobChoices, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.planning.joint import JointAsk, JointPlan, Option, Tenant
    from components.solver.problem import Solution

BUDGET_S = 1.5


def improve(
    ask: JointAsk,
    solve: Callable[[Problem], Solution],
    *,
    budget_s: float = BUDGET_S,
    gap: float = 0.0,
) -> JointPlan:
    """Plan greedily, let the solver do better, and keep the better of the two.

    The bound is that of the problem without interference, which only makes it harder. Where a job
    is short there is no bound: the greedy plan says who comes first.

    Raises:
        SolverError: see SolverProcess.
    """
    greedy = plan_jointly(ask)
    if greedy.shorts or not ask.tenants:
        return greedy
    options = {t.job: _worth_asking(ask, t) for t in ask.tenants}
    solution = solve(_problem(ask, options, budget_s, gap))
    best = greedy
    if solution.picks:
        chosen = {
            t.job: options[t.job][pick][0]
            for t, pick in zip(ask.tenants, solution.picks, strict=True)
        }
        cores = {t.job: row for t, row in zip(ask.tenants, solution.cores, strict=True)}
        cpus = place_in_groups(ask, chosen, cores)
        if cpus is not None:
            found = evaluate(ask, chosen, cpus)
            best = min((greedy, found), key=rank)
    return replace(best, bound_w=solution.bound_w)


def _worth_asking(ask: JointAsk, tenant: Tenant) -> list[tuple[Option, Choice]]:
    """For each number of cores the cheapest option, and the cheapest that is spread."""
    options = allowed_options(tenant, 1.0)
    shapes = shapes_of(ask.topology, [o.candidate for o in options])
    best: dict[tuple[int, bool], tuple[Option, Choice]] = {}
    for row, option in enumerate(options):
        is_spread = option.candidate.layout is Layout.SPREAD
        choice = Choice(
            int(shapes.cores[row]),
            option.power_w,
            int(shapes.groups[row]) if is_spread else 0,
            int(shapes.sockets[row]) if is_spread else 0,
        )
        key = (choice.cores, is_spread)
        is_current = option.candidate == tenant.candidate
        if key not in best or (choice.cost_w, not is_current) < (
            best[key][1].cost_w,
            best[key][0].candidate != tenant.candidate,
        ):
            best[key] = (option, choice)
    return list(best.values())


def _problem(
    ask: JointAsk, options: dict[str, list[tuple[Option, Choice]]], budget_s: float, gap: float
) -> Problem:
    cores = usable_cores(ask.topology, ask.barred | ask.others)
    groups = sorted({(cpu.l3, cpu.socket) for cpu in ask.topology.cpus})
    position = {l3: at for at, (l3, _) in enumerate(groups)}
    awake, _ = distinct(ask.others, ask.topology)
    jobs = []
    for tenant in ask.tenants:
        own = options[tenant.job]
        at = [k for k, (option, _) in enumerate(own) if option.candidate == tenant.candidate]
        home, _ = distinct(tenant.current, ask.topology)
        jobs.append(
            JobChoices(
                tuple(choice for _, choice in own),
                at[0] if at else None,
                tuple(position[g] for g in sorted(home)),
            )
        )
    return Problem(
        jobs=tuple(jobs),
        group_cores=tuple(sum(core.l3 == l3 for core in cores) for l3, _ in groups),
        group_socket=tuple(socket for _, socket in groups),
        group_awake=tuple(l3 in awake for l3, _ in groups),
        base_w=ask.power.base_w,
        socket_w=ask.power.socket_w,
        l3_w=ask.power.l3_w,
        move_w=ask.move_w,
        budget_s=budget_s,
        gap=gap,
    )
