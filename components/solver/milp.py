"""The joint plan as a mixed-integer program; the one file that knows HiGHS.

Each job takes one choice; its cores lie in L3 groups; a group with a core in use is awake, and so
is its socket. Least: base + sockets awake + groups awake + the jobs' own power + moves.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import highspy

from components.solver.problem import Solution

if TYPE_CHECKING:
    from components.solver.problem import JobChoices, Problem


def solve(problem: Problem) -> Solution:
    """Solve within the budget; what was found and proven by then counts."""
    begin_s = time.monotonic()
    h: Any = highspy.Highs()  # type: ignore[no-untyped-call]  # it ships no types
    h.silent()
    h.setOptionValue("time_limit", problem.budget_s)
    h.setOptionValue("mip_rel_gap", problem.gap)
    h.setOptionValue("threads", 1)
    groups = range(len(problem.group_cores))
    sockets = sorted(set(problem.group_socket))
    awake = [h.addVariable(float(on), 1.0, 0.0) for on in problem.group_awake]
    socket_on = {s: h.addVariable(0.0, 1.0, 0.0) for s in sockets}
    for variable in (*awake, *socket_on.values()):
        h.setInteger(variable)
    for g in groups:
        h.addConstr(awake[g] <= socket_on[problem.group_socket[g]])
    cost: Any = problem.base_w + sum(problem.l3_w * a for a in awake)
    cost = cost + sum(problem.socket_w * s for s in socket_on.values())
    picks, cores = [], []
    for job in problem.jobs:
        pick = [h.addBinary() for _ in job.choices]
        lies = [h.addIntegral(lb=0, ub=problem.group_cores[g]) for g in groups]
        h.addConstr(sum(pick) == 1)
        h.addConstr(sum(lies) == sum(c.cores * p for c, p in zip(job.choices, pick, strict=True)))
        for choice, chosen in zip(job.choices, pick, strict=True):
            if choice.groups > 1:
                h.addConstr(sum(awake) >= choice.groups * chosen)
            if choice.sockets > 1:
                h.addConstr(sum(socket_on.values()) >= choice.sockets * chosen)
        cost = cost + sum(c.cost_w * p for c, p in zip(job.choices, pick, strict=True))
        cost = cost + _move_cost(h, problem, job, pick, lies)
        picks.append(pick)
        cores.append(lies)
    for g in groups:
        h.addConstr(sum(lies[g] for lies in cores) <= problem.group_cores[g] * awake[g])
    h.minimize(cost)
    return _read(h, picks, cores, time.monotonic() - begin_s)


def _move_cost(h: Any, problem: Problem, job: JobChoices, pick: list[Any], lies: list[Any]) -> Any:
    if job.stays is None:
        return problem.move_w
    moves = h.addBinary()
    h.addConstr(moves + pick[job.stays] >= 1)
    for g, lie in enumerate(lies):
        if g not in job.home and problem.group_cores[g]:
            h.addConstr(lie <= problem.group_cores[g] * moves)
    return problem.move_w * moves


def _read(h: Any, picks: list[list[Any]], cores: list[list[Any]], seconds: float) -> Solution:
    info = h.getInfo()
    bound = float(info.mip_dual_bound)
    proven = bound if math.isfinite(bound) else None
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Solution((), (), proven, seconds)
    values = h.getSolution().col_value
    return Solution(
        tuple(max(range(len(row)), key=lambda k: values[row[k].index]) for row in picks),
        tuple(tuple(round(values[lie.index]) for lie in row) for row in cores),
        proven,
        seconds,
    )
