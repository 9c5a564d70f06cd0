"""A closed window is told to whoever may learn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from components.executor.job_run import JobRun
    from components.executor.window import ClosedWindow


def learn(run: JobRun, window: ClosedWindow, at_s: float) -> None:
    """Tell the mind that decides, and the challenger's shadow, what a window showed.

    A block of the holdback tells only what the job does on its original CPUs: nobody chose them.
    """
    if run.is_on_trial:
        return
    if run.in_force.arm is Arm.HOLDBACK:
        if window.is_judgeable:
            rate = window.latency.offered_rate_per_s
            run.decision.memory.original.see(window.statistic_ms(run.job.target), rate)
        return
    if run.shadow is not None:
        run.shadow.observe(window, run.in_force.candidate, run.job.target)
    run.decision.observe(window, run.in_force, at_s)
