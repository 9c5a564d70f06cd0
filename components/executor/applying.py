"""Brings decisions into force, and notices when someone else changed what is."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, repeat
from typing import TYPE_CHECKING

from components.actuation.engine_pool import N_CONNECTIONS
from components.actuation.errors import ContainerGoneError
from components.actuation.journal import restore_all
from components.errors import JoulepilotError
from components.executor.job_run import Hold, JobRun, candidate_of
from components.node.cpuset import format_cpu_list
from components.planning.wish import Purpose
from components.telemetry.sample import Arm, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.actuation.journal import Journal, RestoreReport
    from components.executor.acting import Actor
    from components.executor.deciding import Change
    from components.executor.ports import NodePorts
    from components.executor.roster import Roster
    from components.node.cpuset import CpuSet

log = logging.getLogger(__name__)

RETRY_S = 10.0
"""After a change that failed, the next attempt."""


def _widens(change: Change) -> bool:
    return len(change.cpus) > len(change.run.in_force.cpus)


class Applying:
    """Changes what jobs have in force; what is noted of them is what was read back."""

    def __init__(self, ports: NodePorts, actor: Actor, roster: Roster) -> None:
        self._ports = ports
        self._actor = actor
        self._roster = roster

    def apply(self, change: Change, at_s: float) -> bool:
        """Bring a change into force; whether it is. What went wrong is tried again later."""
        run = change.run
        before = run.in_force.cpus
        try:
            cpus = self._write(change)
        except ContainerGoneError:
            self._roster.drop(run, [])
            return False
        except JoulepilotError as error:
            log.warning("%s: %s", run.name, error)
            run.trouble = str(error)
            run.retry_at_s = at_s + RETRY_S
            self._read_back(run)
            return False
        run.put_in_force(
            cpus,
            change.candidate or candidate_of(self._ports.topology, cpus),
            change.arm,
            propensity=change.propensity,
            is_placed=not change.is_original,
        )
        run.fulfils = change.fulfils
        if change.purpose in {Purpose.PROBE, Purpose.CONFIRM} and cpus != before:
            run.decision.tries.note(at_s, is_narrower=len(cpus) < len(before))
        if change.purpose is Purpose.COMMIT:
            run.decision.tries.committed_at_s = at_s
        return True

    def apply_all(self, changes: Sequence[Change], at_s: float) -> list[bool]:
        """Bring changes into force, those next to each other that widen (or narrow) at once.

        A made-up node's are made one after the other, so that a seed gives the same run.
        """
        done: list[bool] = []
        is_real = self._ports.origin is Origin.RECORDED
        for _, alike in groupby(changes, key=_widens):
            group = list(alike)
            if len(group) == 1 or not is_real:
                done += [self.apply(change, at_s) for change in group]
                continue
            with ThreadPoolExecutor(min(N_CONNECTIONS, len(group)), "apply") as workers:
                done += workers.map(self.apply, group, repeat(at_s))
        return done

    def look(self, run: JobRun, at_s: float, foreign_hold_s: float) -> bool:
        """Read what is in force; whether it changed without us."""
        try:
            look = self._actor.look(run.container, run.in_force.asked)
            if look.is_foreign:
                self._respect(run, look.cpus, at_s + foreign_hold_s)
            elif look.cpus != run.in_force.cpus:
                log.warning("%s: its CPUs are now %s", run.name, format_cpu_list(look.cpus))
                run.shrank_or_came_back(look.cpus)
                return True
        except ContainerGoneError:
            self._roster.drop(run, [])
            return False
        except JoulepilotError as error:
            run.trouble = str(error)
            return False
        if at_s >= run.retry_at_s:
            run.trouble = None
        return look.is_foreign

    def restore_all(self, journal: Journal) -> RestoreReport:
        """Give every container its original CPUs.

        Raises:
            JournalError: the journal could not be written.
        """
        report = restore_all(self._ports.host, journal)
        restored = {one.original.container_id: one.cpus for one in report.containers}
        for run in self._roster.runs.values():
            cpus = restored.get(run.container.id)
            if cpus is not None:
                candidate = candidate_of(self._ports.topology, cpus)
                run.put_in_force(cpus, candidate, Arm.ORIGINAL, is_placed=False)
                run.fulfils = -1
        return report

    def _respect(self, run: JobRun, cpus: CpuSet, until_s: float) -> None:
        """Leave what someone else set for a while; it is what is put back in the end."""
        log.warning("%s: someone else set its CPUs; they are left alone", run.name)
        self._actor.adopt_foreign(run.container.id)
        if run.hold is None or run.hold.until_s is not None:
            run.hold = Hold("someone else set its CPUs; they are left alone for a while", until_s)
        run.original = cpus
        candidate = candidate_of(self._ports.topology, cpus)
        run.put_in_force(cpus, candidate, Arm.OPERATOR, is_placed=True)
        run.fulfils = -1

    def _write(self, change: Change) -> CpuSet:
        run = change.run
        if not change.is_original:
            if change.cpus == run.in_force.cpus == run.in_force.asked:
                return change.cpus
            return self._actor.set(run.container, change.cpus)
        restored = self._actor.give_back(run.container.id)
        if restored is None or restored.cpus is None:
            return self._ports.host.effective_cpus(run.container.id)
        return restored.cpus

    def _read_back(self, run: JobRun) -> None:
        """After a change that failed, believe only what is."""
        try:
            cpus = self._ports.host.effective_cpus(run.container.id)
        except JoulepilotError:
            return  # it is read again with the next tick
        if cpus != run.in_force.cpus:
            candidate = candidate_of(self._ports.topology, cpus)
            run.put_in_force(cpus, candidate, run.in_force.arm, is_placed=True)
