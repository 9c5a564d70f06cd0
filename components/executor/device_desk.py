"""Steers the devices of all jobs of a node: reads what servers say, writes hints, reads back.

A change has happened when the server says so. What stood in a job's hint directory before us is
journalled before the first hint and put back when the executor stops.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.hint import Hint, encode_hint, read_hint_text
from components.actuation.journal import RestoreReport
from components.errors import JoulepilotError
from components.executor.device_correction import NetworkCorrection, NodeCorrection
from components.executor.device_job import JobDevices, Pending, cpus_of, seen_in
from components.executor.device_outlook import Asked
from components.executor.device_steering import DeviceSteering, MoveKind, SteeringLimits
from components.jobs.candidate import CPU_DEVICE
from components.policy.device_predictor import DevicePredictor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.actuation.hint_journal import HintJournal
    from components.executor.device_steering import Move, Seen
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.executor.ports import NodePorts
    from components.executor.window import ClosedWindow
    from components.policy.device_bundle import DeviceClassifier
    from components.telemetry.served_devices import ServedDevices

log = logging.getLogger(__name__)


class DeviceDesk:
    """One for the node; only jobs with several devices and a hint directory are steered."""

    def __init__(
        self,
        ports: NodePorts,
        hints: HintJournal | None,
        correction: NodeCorrection | None = None,
        *,
        limits: SteeringLimits | None = None,
        foreign_hold_s: float = 300.0,
    ) -> None:
        """Wire it.

        Args:
            ports: of the node.
            hints: None: nothing is ever written.
            correction: of predictions, by what is seen here.
            limits: of steering.
            foreign_hold_s: how long a hint that someone else wrote is left alone.
        """
        self._ports = ports
        self.hints = hints
        self.correction = correction or NodeCorrection(None, ports.clock.now_s)
        self._limits = limits or SteeringLimits()
        self._foreign_hold_s = foreign_hold_s
        self._jobs: dict[str, JobDevices] = {}
        self._in_charge: set[str] | None = None

    @property
    def health(self) -> tuple[str, ...]:
        """One line per thing that is wrong."""
        lines = [f"{name}: {job.trouble}" for name, job in self._jobs.items() if job.trouble]
        return (*lines, *(() if self.hints is None else self.hints.health))

    def device_of(self, run: JobRun) -> str:
        """The device in force, by the server's word; `cpu` where it says nothing."""
        job = self._jobs.get(run.name)
        return CPU_DEVICE if job is None or job.served is None else job.served.in_force

    def reason_of(self, run: JobRun) -> str | None:
        """Why that device, in a sentence; None for jobs that are not steered."""
        job = self._jobs.get(run.name)
        return None if job is None else job.reason

    def explain(self, run: JobRun) -> tuple[str, ...]:
        """The device of a job in words, and what happened to it; nothing where none is chosen."""
        job = self._jobs.get(run.name)
        return () if job is None else job.lines()

    def note(self, run: JobRun, window: ClosedWindow, at_s: float) -> None:
        """Take in a closed window of a job."""
        job = self._jobs.get(run.name)
        if job is not None and job.served is not None:
            job.seen = seen_in(run, window, job.served.in_force, at_s)

    def steer(self, executor: Executor, at_s: float) -> bool:
        """Look at every job's server and steer; whether the device of some job changed."""
        followed = executor.followed
        changed = self.tick(
            executor.runs,
            followed.devices if followed.is_in_time(executor.wall_time()) else None,
            may_act=not (executor.is_paused or executor.sweeping.is_running),
            at_s=at_s,
        )
        for run in changed:
            executor.roster.rethink(run)
        return bool(changed)

    def tick(
        self,
        runs: Sequence[JobRun],
        classifier: DeviceClassifier | None,
        *,
        may_act: bool,
        at_s: float,
    ) -> tuple[JobRun, ...]:
        """Look at every job's server and steer; the runs whose device changed."""
        by_name = {run.name: run for run in runs}
        for name in [name for name in self._jobs if name not in by_name]:
            self._drop(self._jobs.pop(name))
        self._give_back_strangers({run.container.id for run in runs})
        self.correction.bind(None if classifier is None else classifier.digest)
        predictor = None if classifier is None else DevicePredictor(classifier.brain)
        return tuple(run for run in runs if self._steer(run, predictor, may_act=may_act, at_s=at_s))

    def restore_all(self, cpus: RestoreReport) -> RestoreReport:
        """Put back every hint too, and add what became of them to the report on CPUs.

        Raises:
            JournalError: the journal could not be written.
        """
        for job in self._jobs.values():
            job.pending = job.written = None
        hints = () if self.hints is None else self.hints.restore_all()
        return RestoreReport((*cpus.containers, *hints))

    def _give_back_strangers(self, in_charge: set[str]) -> None:
        """Hints of containers that are no jobs any more are put back, after a crash too."""
        if self.hints is None or self._in_charge == in_charge:
            return
        self._in_charge = in_charge
        for container_id in self.hints.journalled() - in_charge:
            self.hints.restore(container_id)

    def _steer(
        self, run: JobRun, predictor: DevicePredictor | None, *, may_act: bool, at_s: float
    ) -> bool:
        job = self._taken_in(run)
        if job is None:
            return False
        before = None if job.served is None else job.served.in_force
        try:
            if not run.mode.acts:
                self._put_back(job)
            job.served = job.source.read()
            job.trouble = None
            changed = before is not None and job.served.in_force != before
            self._see_pending(job, run, predictor, at_s)
            if predictor is not None and job.pending is None:
                self._decide(job, run, predictor, may_act=may_act and run.acts, at_s=at_s)
        except JoulepilotError as error:
            if job.trouble != str(error):
                log.warning("the devices of %s: %s", run.name, error)
            job.trouble = str(error)
            return False
        if changed:
            job.seen = None  # it was seen on another device
        return changed

    def _taken_in(self, run: JobRun) -> JobDevices | None:
        known, job = self._jobs.get(run.name), run.job
        wanted = Path(job.hint_dir) if job.hint_dir and len(job.devices) > 1 else None
        if known is not None and (known.container_id, known.folder) != (run.container.id, wanted):
            self._drop(self._jobs.pop(run.name))
            known = None
        if known is None and wanted is not None and self._ports.served_devices is not None:
            network = job.model or run.name
            known = JobDevices(
                self._ports.served_devices(run.container, job),
                DeviceSteering(NetworkCorrection(self.correction, network), self._limits),
                wanted,
                run.container.id,
            )
            self._jobs[run.name] = known
        return known

    def _see_pending(
        self, job: JobDevices, run: JobRun, predictor: DevicePredictor | None, at_s: float
    ) -> None:
        """See whether the server did what the hint says."""
        pending, served = job.pending, job.served
        if pending is None or served is None:
            return
        if pending.move.kind is MoveKind.PROBE:
            probe = served.probe
            if probe is not None and probe.probe_id == pending.probe_id:
                job.pending = None
                job.history.append(
                    f"measured on {probe.device}: {probe.latency_ms:.4g} ms a batch of "
                    f"{probe.batch}"
                )
                if predictor is not None:
                    asked = Asked(run.job, served, cpus_of(run), predictor)
                    job.steering.learn_probe(probe, at_s, asked)
                return
        elif served.in_force == pending.move.device:
            job.pending = None
            is_judged = pending.move.kind is MoveKind.SWITCH and pending.met_target
            judged_against = pending.came_from if is_judged else None
            job.steering.moved(judged_against, at_s, pending.move.reason)
            job.history.append(
                f"{pending.came_from} → {served.in_force}, read back: {pending.move.reason}"
            )
            log.info("%s: %s", run.name, job.history[-1])
            return
        took_s = at_s - pending.since_s
        if took_s > self._limits.confirm_s:
            self._give_up(job, pending, f"not followed within {took_s:.0f} s", at_s)
        elif served.refusal and took_s > 0:
            self._give_up(job, pending, f"refused: {served.refusal}", at_s)
        elif pending.move.device in served.absent:
            self._give_up(job, pending, f"absent: {served.absent[pending.move.device]}", at_s)

    def _give_up(self, job: JobDevices, pending: Pending, why: str, at_s: float) -> None:
        job.pending = None
        job.steering.probe_failed(pending.move.device, pending.batch)
        job.history.append(
            f"{why}: {pending.move.kind} to {pending.move.device}; it stays on {pending.came_from}"
        )
        log.warning("a hint was %s", job.history[-1])
        self._put_back(job)
        job.left_alone_until_s = at_s + self._foreign_hold_s

    def _decide(
        self,
        job: JobDevices,
        run: JobRun,
        predictor: DevicePredictor,
        *,
        may_act: bool,
        at_s: float,
    ) -> None:
        seen, served = job.seen, job.served
        if seen is None or served is None:
            return
        job.seen = None
        asked = Asked(run.job, served, cpus_of(run), predictor, seen.rest_s)
        job.steering.learn(seen, asked)
        move = job.steering.decide(seen, asked)
        if move is None:
            return
        if not may_act or self.hints is None or at_s < job.left_alone_until_s:
            job.steering.reason = f"would {move.kind} to {move.device}: {move.reason}"
            return
        self._write(job, run, move, served, seen, at_s)

    def _write(
        self,
        job: JobDevices,
        run: JobRun,
        move: Move,
        served: ServedDevices,
        seen: Seen,
        at_s: float,
    ) -> None:
        """Write a hint, unless someone else wrote one since ours.

        Raises:
            HintError, JournalError: it could not be written.
        """
        hints = self.hints
        if hints is None:
            return
        found = read_hint_text(job.folder)
        if job.written is not None and found != job.written:
            log.warning("%s: someone else wrote its hint; it is left alone", run.name)
            hints.forget(run.container.id)
            job.written = None
            job.left_alone_until_s = at_s + self._foreign_hold_s
            job.steering.reason = "someone else wrote its hint; it is left alone for a while"
            return
        job.n_hints += 1
        probe_id = f"{run.name}-{run.started_ms:x}-{job.n_hints}"
        is_probe = move.kind is MoveKind.PROBE
        hint = Hint(served.in_force, move.device, probe_id) if is_probe else Hint(move.device)
        text = encode_hint(hint)
        hints.write(run.container.id, run.name, job.folder, text)
        job.written = text
        job.pending = Pending(move, served.in_force, probe_id, at_s, seen.batch, seen.meets_target)

    def _put_back(self, job: JobDevices) -> None:
        """What stood in the hint directory before us stands there again."""
        job.pending = job.written = None
        if self.hints is not None:
            self.hints.restore(job.container_id)

    def _drop(self, job: JobDevices) -> None:
        try:
            self._put_back(job)
        except JoulepilotError as error:
            log.warning("a hint is not put back: %s", error)
