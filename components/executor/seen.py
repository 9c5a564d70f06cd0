"""What a closed window says of a candidate, for whoever decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.policy.steps import Observation

if TYPE_CHECKING:
    from components.executor.window import ClosedWindow
    from components.jobs.candidate import Candidate
    from components.jobs.target import Target
    from components.policy.steps import Step

CONTENDED_WORTH = 0.25
"""What a window counts in which strangers used the job's CPUs."""


def observation_of(
    window: ClosedWindow, candidate: Candidate | None, step: Step | None, target: Target
) -> Observation | None:
    """What a window says of the candidate in force; None where it says nothing.

    CPUs that follow no layout of ours stand for what is wanted. A window in which strangers used
    the job's CPUs counts less, and rules nothing out.
    """
    latency_ms = window.statistic_ms(target)
    meant = candidate or (None if step is None else step.candidate)
    if not window.is_judgeable or not latency_ms or not window.power_w or meant is None:
        return None
    worth = CONTENDED_WORTH if window.contended else 1.0
    return Observation(
        meant,
        latency_ms,
        window.power_w,
        window.n_windows * worth,
        window.cut_short and not window.contended,
    )
