"""An operator's hold on a job: on given CPUs, for a while, with a reason; it outlives restarts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.executor.errors import CommandError
from components.executor.job_run import Hold, candidate_of
from components.jobs.job import Mode
from components.node.cpuset import format_cpu_list, parse_cpu_list
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from components.executor.held import Held
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor

log = logging.getLogger(__name__)


def hold(executor: Executor, run: JobRun, held: Held) -> None:
    """Hold a job, and remember that over restarts.

    Raises:
        CommandError: the job is `off`, or the node has no such CPUs.
        JoulepilotError: the CPUs could not be set; the job is not held then.
    """
    if held.cpus:
        _set(executor, run, held.cpus)
    store = executor.store
    store.change(holds={**store.state.holds, run.name: held})
    enter(executor, run, held)


def enter(executor: Executor, run: JobRun, held: Held) -> None:
    """Let a job be held from now on."""
    clock = executor.ports.clock
    left_s = None if held.until_s is None else held.until_s - clock.now_s()
    run.hold = Hold(held.reason, None if left_s is None else clock.monotonic_s() + left_s)
    run.relabel(Arm.OPERATOR)
    run.observer.restart(clock.monotonic_s() + executor.settings.settle_s)


def release(executor: Executor, run: JobRun) -> None:
    """Let a job be moved again."""
    store = executor.store
    store.change(holds={name: h for name, h in store.state.holds.items() if name != run.name})
    run.hold = None
    run.relabel(Arm.POLICY if run.in_force.is_placed else Arm.ORIGINAL)
    run.fulfils = -1
    run.observer.restart(executor.ports.clock.monotonic_s())


def keep_holds(executor: Executor, at_s: float) -> None:
    """Enter the holds of jobs that came since, and end those whose time is over."""
    for run in executor.runs:
        held = executor.store.state.holds.get(run.name)
        if run.hold is not None and run.hold.until_s is not None and at_s >= run.hold.until_s:
            log.info("%s is not held any more: %s", run.name, run.hold.reason)
            release(executor, run)
        elif run.hold is None and held is not None:
            _enter_again(executor, run, held)


def _enter_again(executor: Executor, run: JobRun, held: Held) -> None:
    """After a restart of ours, or of its container, a job is held again."""
    if held.until_s is not None and executor.ports.clock.now_s() >= held.until_s:
        release(executor, run)
        return
    try:
        if held.cpus:
            _set(executor, run, held.cpus)
    except JoulepilotError as error:
        run.trouble = str(error)
        log.warning("%s: %s", run.name, error)
    enter(executor, run, held)


def _set(executor: Executor, run: JobRun, text: str) -> None:
    cpus = parse_cpu_list(text)
    if run.mode is Mode.OFF:
        raise CommandError(
            f"asked to hold {run.name!r} on CPUs {text}",
            "its mode is off",
            "allow it another mode first",
        )
    if not cpus or not cpus <= executor.online:
        raise CommandError(
            f"asked to hold {run.name!r} on CPUs {text}",
            f"online are {format_cpu_list(executor.online)}",
            "give CPUs of this node",
        )
    if cpus != run.in_force.cpus:
        effective = executor.actor.set(run.container, cpus)
        candidate = candidate_of(executor.ports.topology, effective)
        run.put_in_force(effective, candidate, Arm.OPERATOR, is_placed=True)
