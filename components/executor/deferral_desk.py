"""Runs work that may wait in what the services leave: paused, resumed, widened and narrowed.

Services are planned as if it were not there; it makes way before they take their CPUs.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from components.actuation.errors import ContainerGoneError
from components.actuation.journal import RestoreReport
from components.errors import JoulepilotError
from components.executor.deferral_run import WorkRun
from components.executor.intent import Phase
from components.node.cpuset import format_cpu_list
from components.node.placement import Layout, place
from components.planning.deferring import Supply, Verdict, divide
from components.planning.reserve import is_shared, reserved_cpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.actuation.freezing import FreezeJournal
    from components.executor.acting import Actor
    from components.executor.deciding import Change
    from components.executor.jobs_in_charge import ManagedWork
    from components.executor.loop import Executor
    from components.executor.ports import NodePorts
    from components.node.cpuset import CpuSet

log = logging.getLogger(__name__)

_SEARCHING = {Phase.SEARCHING, Phase.CONFIRMING}


class DeferralDesk:
    """Keeps a WorkRun for every container whose work may wait; its loop is that of the services."""

    def __init__(self, ports: NodePorts, actor: Actor, freezes: FreezeJournal | None) -> None:
        """Take who moves and who pauses; None: nothing can be paused here, so none is touched."""
        self._ports = ports
        self._actor = actor
        self._freezes = freezes
        self._due_s = -math.inf
        self.runs: dict[str, WorkRun] = {}

    @property
    def health(self) -> tuple[str, ...]:
        """What is wrong, a line each."""
        lines = [] if self._freezes is None else list(self._freezes.health)
        lines += [f"{run.name}: {run.trouble}" for run in self.runs.values() if run.trouble]
        return (
            *lines,
            *(f"{r.name} will be late" for r in self.runs.values() if r.verdict.is_late),
        )

    def step(self, executor: Executor, changes: Sequence[Change], at_s: float) -> None:
        """Take in who is there, and give each what is its due; before `changes` are made."""
        if self._freezes is None:
            return
        is_new = self._take_in(executor.roster.works)
        taken = _taken(executor, changes)
        in_the_way = any(run.n_cpus and run.cpus & taken for run in self.runs.values())
        if self.runs:
            executor.meter.read(at_s)  # also where no service closes windows
        if not self.runs or not (is_new or in_the_way or at_s >= self._due_s):
            return
        self._due_s = at_s + executor.settings.window_s
        for run in self.runs.values():
            self._look(run, at_s, self._freezes)
        free = self._spare(executor, taken)
        verdicts = divide([run.work() for run in self.runs.values()], self._supply(executor, free))
        may_act = not executor.is_paused and executor.administering.may_act(executor.wall_time())
        never = executor.administering.says.never_touch
        moves = []
        for name, verdict in verdicts.items():
            run = self.runs[name]
            run.verdict = verdict
            cpus = self._choose(run, verdict, free)
            free -= cpus
            if may_act and run.managed.job.mode.acts and name not in never:
                moves.append((run, cpus))
        for run, cpus in sorted(moves, key=lambda move: len(move[1]) - move[0].n_cpus):
            self._give(run, cpus, self._freezes)

    def restore_all(self, report: RestoreReport) -> RestoreReport:
        """Let everything run again, and add what became of it to the report on CPUs.

        Raises:
            JournalError: the journal could not be written.
        """
        thawed = () if self._freezes is None else self._freezes.thaw_all()
        self.runs.clear()
        return RestoreReport((*report.containers, *thawed))

    def _take_in(self, works: Sequence[ManagedWork]) -> bool:
        """Know just the containers there are; whether any of them, or what is said, is new."""
        known = {name: run.managed for name, run in self.runs.items()}
        now = {work.job.name: work for work in works}
        if known == now:
            return False
        for name in known.keys() - now.keys():
            log.info("%s is done, or not in charge any more", name)
            self._let_go(self.runs.pop(name))
        for name, work in now.items():
            run = self.runs.get(name)
            if run is not None and run.managed.container.id == work.container.id:
                run.managed = work
                continue
            try:
                cpus = self._ports.host.effective_cpus(work.container.id)
            except JoulepilotError as error:
                log.info("%s cannot be looked at: %s", name, error)
                continue
            self.runs[name] = WorkRun(work, cpus)
            log.info("%s in charge, to be done by %s", name, work.job.until.isoformat())
        return True

    def _let_go(self, run: WorkRun) -> None:
        if self._freezes is not None:
            self._freezes.thaw(run.managed.container.id)

    def _look(self, run: WorkRun, at_s: float, freezes: FreezeJournal) -> None:
        """Read what it did and what it has."""
        container_id = run.managed.container.id
        try:
            cpus = self._ports.host.effective_cpus(container_id)
            run.runs_on(cpus, is_frozen=freezes.is_frozen(container_id))
            run.saw(self._ports.host.cpu_time_s(container_id), at_s)
            run.trouble = None
        except ContainerGoneError:
            return  # it has ended: the next look at containers tells
        except JoulepilotError as error:
            run.trouble = str(error)

    def _spare(self, executor: Executor, taken: CpuSet) -> CpuSet:
        """CPUs that no service has; where a small node's services have all, they are shared."""
        topology = self._ports.topology
        online = executor.conditions(0.0).online - reserved_cpus(topology)
        free = online - taken
        is_pressed = any(run.verdict.is_late for run in self.runs.values())
        return online if not free and is_shared(topology) and is_pressed else free

    def _supply(self, executor: Executor, free: CpuSet) -> Supply:
        now_s, says = self._ports.clock.now_s(), executor.administering.says
        per_cpu_w = executor.meter.busy_cpu_w
        watts: float | None = math.inf
        if says.power_cap_w is not None:
            watts = None
            if executor.meter.power_w is not None and per_cpu_w is not None:
                own_w = per_cpu_w * sum(r.work().rate(r.n_cpus) for r in self.runs.values())
                watts = says.power_cap_w - executor.meter.power_w + own_w
        return Supply(
            now_s=now_s,
            n_cpus=len(free),
            watts=watts,
            watts_per_cpu=per_cpu_w or 1.0,
            cost=lambda at_s: executor.administering.joule_cost(at_s, now_s),
            is_searching=any(r.acts and r.decision.phase in _SEARCHING for r in executor.runs),
        )

    def _choose(self, run: WorkRun, verdict: Verdict, free: CpuSet) -> CpuSet:
        if not verdict.n_cpus:
            return frozenset()
        taken = self._ports.topology.ids - free
        return place(
            self._ports.topology,
            verdict.n_cpus,
            Layout.COMPACT,
            taken=taken,
            current=run.cpus & free,
        )

    def _give(self, run: WorkRun, cpus: CpuSet, freezes: FreezeJournal) -> None:
        """Bring into force what was decided, and note what was read back."""
        container = run.managed.container
        try:
            if run.is_frozen and not freezes.is_ours(container.id):
                run.trouble = "someone else paused it; it is left alone until it is resumed"
                return
            if not cpus and not run.is_frozen:
                freezes.freeze(container)
                log.info("%s paused: %s", run.name, run.verdict.reason)
            elif cpus and (cpus != run.cpus or run.is_frozen):
                if cpus != run.cpus:
                    self._actor.set(container, cpus)
                freezes.thaw(container.id)
                text = format_cpu_list(cpus)
                log.info("%s runs on CPUs %s: %s", run.name, text, run.verdict.reason)
            else:
                return
            now = self._ports.host.effective_cpus(container.id)
            run.runs_on(now, is_frozen=freezes.is_frozen(container.id))
        except ContainerGoneError:
            return  # it has ended: the next look at containers tells
        except JoulepilotError as error:
            log.warning("%s: %s", run.name, error)
            run.trouble = str(error)


def _taken(executor: Executor, changes: Sequence[Change]) -> CpuSet:
    """CPUs that services were given, or are about to get."""
    placed = [run.in_force.cpus for run in executor.runs if run.in_force.is_placed]
    placed += [change.cpus for change in changes if not change.is_original]
    return frozenset().union(*placed)
