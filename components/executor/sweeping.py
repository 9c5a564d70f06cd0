"""Carries out sweeps within the loop: one at a time, and what was in force is put back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.executor.deciding import Change
from components.executor.errors import CommandError
from components.executor.sweep import Sweep, SweepOrder, begin_sweep
from components.planning.wish import Purpose
from components.telemetry.heartbeat import SweepStatus
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from components.executor.followed import AskedSweep
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.executor.state import StateStore

log = logging.getLogger(__name__)


class Sweeping:
    """The sweep in progress, if there is one, and how the last one ended."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._sweep: Sweep | None = None
        self._to_put_back: Sweep | None = None
        self.status: SweepStatus | None = None

    @property
    def is_running(self) -> bool:
        """Whether a sweep decides what is in force."""
        return self._sweep is not None or self._to_put_back is not None

    @property
    def order(self) -> SweepOrder | None:
        """What was asked for; None while no sweep runs."""
        return None if self._sweep is None else self._sweep.order

    def obey(self, asked: AskedSweep, executor: Executor) -> None:
        """Begin a sweep that an entry of the release log asks for, once."""
        if asked.sequence <= self._store.state.last_sweep:
            return
        self._store.change(last_sweep=asked.sequence)
        request = asked.request
        order = SweepOrder(
            sequence=asked.sequence,
            n_windows=request.n_windows,
            n_points=request.n_points,
            window_s=request.window_s,
        )
        try:
            self.begin(order, executor)
        except JoulepilotError as error:
            log.warning("the sweep of entry %d is not begun: %s", asked.sequence, error)
            self.status = SweepStatus(
                sequence=asked.sequence, done=0, total=0, state="failed", reason=str(error)
            )

    def begin(self, order: SweepOrder, executor: Executor) -> Sweep:
        """Begin a sweep; one in progress gives way to it.

        Raises:
            CommandError: the node is paused, or the jobs cannot be swept.
        """
        if executor.is_paused:
            raise CommandError(
                "asked for a sweep", "the node is paused", "resume it first, or ask again then"
            )
        sweep = begin_sweep(order, executor.runs, executor.ports.topology)
        if self._sweep is not None:
            sweep.before.update(self._sweep.before)
        self._sweep = sweep
        self.status = sweep.status()
        log.info("sweep of %d points begun", len(sweep.points))
        return sweep

    def note(self, job: str) -> None:
        """Count a closed window of a job."""
        if self._sweep is None:
            return
        self._sweep.note(job)
        self.status = self._sweep.status()
        if self._sweep.is_over:
            self.status = self._sweep.status("done")
            self._end()

    def fail(self, reason: str) -> None:
        """End the sweep in progress without its result."""
        if self._sweep is not None:
            log.warning("the sweep failed: %s", reason)
            self.status = self._sweep.status("failed", reason)
            self._end()

    def changes(self, executor: Executor) -> tuple[Change, ...]:
        """What is to be changed for the point that is due, or to put back what was before."""
        runs = {run.name: run for run in executor.runs}
        if self._sweep is not None:
            reason = _why_stop(self._sweep, runs, executor)
            if reason is not None:
                self.fail(reason)
        if self._sweep is None:
            return self._put_back(runs)
        changes = [
            change
            for name, run in runs.items()
            if (change := _to_point(self._sweep, name, run)) is not None
        ]
        return tuple(sorted(changes, key=lambda c: len(c.cpus) <= len(c.run.in_force.cpus)))

    def _end(self) -> None:
        self._to_put_back, self._sweep = self._sweep, None

    def _put_back(self, runs: dict[str, JobRun]) -> tuple[Change, ...]:
        sweep, self._to_put_back = self._to_put_back, None
        if sweep is None:
            return ()
        changes = []
        for name, before in sweep.before.items():
            run = runs.get(name)
            if run is None:
                continue
            run.fulfils = -1
            candidate = before.candidate if before.is_placed else None
            changes.append(Change(run, before.cpus, candidate, before.arm, 1.0, Purpose.EMERGENCY))
        return tuple(sorted(changes, key=lambda c: len(c.cpus) <= len(c.run.in_force.cpus)))


def _to_point(sweep: Sweep, name: str, run: JobRun) -> Change | None:
    allocation = sweep.allocation_of(name)
    in_force = run.in_force
    if allocation is None or (in_force.arm is Arm.SWEEP and in_force.cpus == allocation.cpus):
        return None
    return Change(run, allocation.cpus, allocation.candidate, Arm.SWEEP, 1.0, Purpose.PROBE)


def _why_stop(sweep: Sweep, runs: dict[str, JobRun], executor: Executor) -> str | None:
    if executor.is_paused:
        return "the node was paused"
    at_s = executor.ports.clock.monotonic_s()
    for name in sweep.before:
        run = runs.get(name)
        if run is None:
            return f"{name} went away"
        if run.hold is not None:
            return f"{name}: {run.hold.reason}"
        if run.observer.failing_s(at_s) > executor.settings.telemetry_s:
            return f"{name} cannot be read: {run.observer.error}"
        if run.trouble is not None:
            return f"{name}: {run.trouble}"
    return None
