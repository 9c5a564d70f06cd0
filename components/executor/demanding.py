"""When a job's open window may be closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.intent import Phase
from components.executor.observation import Demand
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from components.executor.job_run import JobRun
    from components.executor.settings import ExecutorSettings
    from components.executor.sweep import SweepOrder


def demand_of(run: JobRun, settings: ExecutorSettings, order: SweepOrder | None) -> Demand:
    """Demand of a job's window; a trial may be cut short, unless nothing wider is left to try.

    Where nothing may be changed nothing is on trial.

    Args:
        run: the job.
        settings: of the executor.
        order: the sweep in progress; None while none runs.
    """
    decision, candidate = run.decision, run.in_force.candidate
    widest = decision.candidates[-1] if decision.candidates else candidate
    is_widest = candidate is None or widest is None or widest.n_cpus <= candidate.n_cpus
    is_tried = run.in_force.arm is Arm.PROBE or decision.phase is Phase.CONFIRMING
    may_cut = run.acts and is_tried and not is_widest and order is None
    sweep_s = None if order is None else order.window_s
    return Demand(
        target=run.job.target,
        cpus=run.in_force.cpus,
        plain_s=sweep_s or settings.window_s,
        n_windows=1,  # also of a confirmation: a load that rises in the midst of it is seen soon
        min_requests=settings.min_requests,
        max_s=settings.max_window_s,
        contended_share=settings.contended_share,
        cut_log_sigma=decision.evidence.cautious_log_sigma if may_cut else None,
    )
