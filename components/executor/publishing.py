"""A closed window leaves the node as a sample."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.executor.sampling import make_sample

if TYPE_CHECKING:
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.executor.window import ClosedWindow

log = logging.getLogger(__name__)


def publish(executor: Executor, run: JobRun, window: ClosedWindow) -> None:
    """Publish what was observed of a job; what cannot be published is told and not fatal."""
    brain = executor.deciding
    sample = make_sample(
        executor.ports,
        run.container,
        run.job,
        run.in_force,
        window,
        mode=run.mode.value,
        fingerprint=executor.fingerprint.identity.fingerprint,
        policy_digest=None if brain is None else brain.digest,
        device=executor.devices.device_of(run),
        variant=run.variant,
    )
    try:
        executor.publisher.sample(sample)
    except JoulepilotError as error:
        log.warning("a sample of %s is not published: %s", run.name, error)
