"""Opens the searches that are due: of jobs newly seen, of new policies, of changed room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.deciding import claims, is_cramped, most_cpus
from components.executor.intent import Phase
from components.executor.shadow import follow_shadow
from components.jobs.job import Mode
from components.policy.candidates import candidates_of

if TYPE_CHECKING:
    from components.executor.deciding import Conditions
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.planning.reserve import Claims
    from components.policy.brain import Brain


def start_searches(executor: Executor, at_s: float) -> None:
    """Open the search of every job that has been seen, and reopen where its room changed."""
    brain = executor.deciding
    if brain is None or not executor.has_policy:
        return
    runs, conditions = executor.runs, executor.conditions(at_s)
    claimed = claims(runs, conditions)
    for run in runs:
        if run.mode is Mode.OFF or run.window is None or run.is_idle:
            continue
        if _may_open(run, brain, at_s):
            _open(run, brain, executor, _most_cpus(run, executor, claimed, conditions), at_s)
        follow_shadow(run, executor.followed.challenger, executor.ports.topology, at_s)


def _may_open(run: JobRun, brain: Brain, at_s: float) -> bool:
    decision = run.decision
    is_new = decision.brain is not brain
    if is_new and decision.phase is Phase.BACKED_OFF and run.decided_by == brain.digest:
        return False
    return decision.trust.may_ask(brain, at_s)


def _most_cpus(run: JobRun, executor: Executor, claimed: Claims, conditions: Conditions) -> int:
    joint = executor.joint
    if joint is not None and joint.serves(executor.runs):
        return joint.most_cpus(run, conditions)
    return most_cpus(run, claimed, conditions)


def _open(run: JobRun, brain: Brain, executor: Executor, most: int, at_s: float) -> None:
    if run.decision.brain is brain and not is_cramped(run, most):
        return
    candidates = candidates_of(executor.ports.topology, run.job.min_cpus, most)
    run.decided_by = brain.digest
    run.decision.open(brain, candidates, at_s, "a policy for this job")
