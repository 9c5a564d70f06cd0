"""The jobs in charge while the executor runs: who came, who went, who changed."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from components.actuation.errors import ContainerGoneError
from components.actuation.journal import Restoration
from components.errors import JoulepilotError
from components.executor.decision import JobDecision
from components.executor.job_proofs import asked_of, fingerprint_of, work_of
from components.executor.job_run import JobRun, candidate_of, reach
from components.executor.observation import WindowObserver
from components.executor.sampling import InForce
from components.executor.search_session import search_settings
from components.executor.window import JobReading
from components.jobs.job import Mode
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.executor.acting import Actor
    from components.executor.jobs_in_charge import JobsInCharge, Managed, ManagedWork
    from components.executor.node_meter import NodeMeter
    from components.executor.ports import NodePorts
    from components.executor.search_session import OpenSearch
    from components.executor.settings import ExecutorSettings
    from components.executor.state import StateStore
    from components.jobs.candidate import Allocation
    from components.node.cpuset import CpuSet
    from components.telemetry.meters import LatencySource

log = logging.getLogger(__name__)

SAME_TICK_S = 0.05
LATELY_S = 3600.0
"""What was good longer ago is not entered at once after a restart."""


class Roster:
    """Keeps one JobRun for every job."""

    def __init__(
        self,
        ports: NodePorts,
        actor: Actor,
        in_charge: JobsInCharge,
        meter: NodeMeter,
        store: StateStore,
        settings: ExecutorSettings,
        open_search: OpenSearch,
    ) -> None:
        self._ports = ports
        self._open_search = open_search
        self._actor = actor
        self._in_charge = in_charge
        self._meter = meter
        self._store = store
        self._settings = settings
        self._fingerprint = ports.identity.fingerprint
        self._cpu_times_s: dict[str, tuple[float, float]] = {}
        self.runs: dict[str, JobRun] = {}
        self.works: tuple[ManagedWork, ...] = ()
        """Containers whose work may wait."""
        self.health: tuple[str, ...] = ()

    def refresh(self, mode_allowed: Mode, online: CpuSet, fingerprint: str) -> None:
        """Look which containers there are, and take in what was said of them.

        Args:
            mode_allowed: no job goes further.
            online: the CPUs that are on.
            fingerprint: of the node as it is now.
        """
        self._fingerprint = fingerprint
        try:
            found = self._in_charge.discover(self._ports.host)
        except JoulepilotError as error:
            self.health = (str(error),)
            return
        wrong = list(found.health)
        managed = {m.job.name: m for m in found.managed}
        for name in [name for name in self.runs if name not in managed]:
            self.drop(self.runs[name], wrong)
        for one in managed.values():
            try:
                self._take_in(one, reach(one.job.mode, self._settings.mode, mode_allowed), online)
            except ContainerGoneError as error:
                log.info("%s went while it was looked at: %s", one.job.name, error)
            except JoulepilotError as error:
                wrong.append(f"{one.job.name} is left alone: {error}")
        self.works = found.works
        ours = [run.container.id for run in self.runs.values()]
        self._give_back_strangers({*ours, *(work.container.id for work in self.works)}, wrong)
        self.health = tuple(wrong)

    def drop(self, run: JobRun, wrong: list[str]) -> None:
        """Let go of a job: its container went, or it is not to be managed any more."""
        del self.runs[run.name]
        self._cpu_times_s.pop(run.container.id, None)
        self._give_back(run.container.id, wrong)
        log.info("%s is not in charge any more", run.name)

    def rethink(self, run: JobRun) -> None:
        """Something else than CPUs changed what a job costs: what was measured says nothing."""
        run.decision = self._mind(run.managed, run.mode)
        run.rival = run.shadow = run.last_good = None

    def swap_minds(self, run: JobRun, *, is_challenger: bool) -> None:
        """Let the other of champion and challenger decide, who knows what it saw itself.

        A challenger that was never asked begins with what the champion saw.
        """
        other = run.rival
        if other is None:
            other = self._mind(run.managed, run.mode)
            other.memory.take_over(run.decision.memory)
        run.decision, run.rival = other, run.decision
        run.is_challenged = is_challenger
        run.decision.tries.committed_at_s = None  # arms have a budget of moves of their own

    def retarget(self, run: JobRun, managed: Managed) -> None:
        """Take in what is newly said of a job in the same container; a search begins anew."""
        old, job = run.job, managed.job
        run.managed = managed
        read_by = (old.metrics, old.model, old.batch_size, old.target)
        if read_by != (job.metrics, job.model, job.batch_size, job.target):
            source = self._ports.latency_source(managed.container, job)
            run.observer = WindowObserver(self._reader(managed, source))
        if asked_of(old) == asked_of(job) and work_of(old) == work_of(job):
            return
        memory = run.decision.memory
        run.decision = self._mind(managed, run.mode)
        run.rival = run.shadow = run.last_good = None
        if old.target.statistic is job.target.statistic and work_of(old) == work_of(job):
            run.decision.memory.take_over(memory)

    def _take_in(self, managed: Managed, mode: Mode, online: CpuSet) -> None:
        run = self.runs.get(managed.job.name)
        if run is not None and run.container.id != managed.container.id:
            self.drop(run, [])  # another container under the same name
            run = None
        if run is None:
            self.runs[managed.job.name] = self._begin(managed, mode, online)
            return
        if run.managed != managed:
            self.retarget(run, managed)
        if run.mode is not mode:
            self._change_mode(run, mode)

    def _change_mode(self, run: JobRun, mode: Mode) -> None:
        """A job that may not be changed any more gets back what it had before us."""
        log.info("%s: mode %s, was %s", run.name, mode, run.mode)
        if run.mode.acts and not mode.acts and run.hold is None:
            run.last_good = run.decision.best or run.last_good
            self._give_back(run.container.id, [])
            cpus = self._ports.host.effective_cpus(run.container.id)
            candidate = candidate_of(self._ports.topology, cpus)
            run.put_in_force(cpus, candidate, Arm.ORIGINAL, is_placed=False)
            run.observer.restart(self._ports.clock.monotonic_s() + self._settings.settle_s)
        if Mode.CANARY in {run.mode, mode} and run.mode.acts and mode.acts:
            memory = run.decision.memory
            run.decision = self._mind(run.managed, mode)
            run.rival = None
            run.decision.memory.take_over(memory)
        run.mode = mode

    def _begin(self, managed: Managed, mode: Mode, online: CpuSet) -> JobRun:
        container, topology = managed.container, self._ports.topology
        source = self._ports.latency_source(container, managed.job)
        cpus = self._ports.host.effective_cpus(container.id)
        original = self._actor.original_of(container, online)
        was_ours = self._actor.is_journalled(container.id)
        is_held = managed.job.name in self._store.state.holds
        if was_ours and not (mode.acts or is_held):
            self._give_back(container.id, [])
            cpus, was_ours = self._ports.host.effective_cpus(container.id), False
        last_good = self._remembered(managed)
        is_good = was_ours and last_good is not None and last_good.cpus == cpus
        candidate = last_good.candidate if is_good and last_good else candidate_of(topology, cpus)
        # killed in the middle of a probe: as a probe, it is taken back before anything else
        arm = Arm.POLICY if is_good else Arm.PROBE if was_ours else Arm.ORIGINAL
        started_ms = int(self._ports.clock.now_s() * 1000)
        run = JobRun(
            managed=managed,
            decision=self._mind(managed, mode),
            observer=WindowObserver(self._reader(managed, source)),
            original=original,
            in_force=InForce(
                cpus, candidate, arm, f"{managed.job.name}-{started_ms:x}-0", 1.0, asked=cpus
            ),
            mode=mode,
            last_good=last_good,
            started_ms=started_ms,
        )
        self._recall(run)
        if was_ours:
            run.in_force = replace(run.in_force, is_placed=True)
        log.info("%s in charge, mode %s, on %s", run.name, mode, candidate or sorted(cpus))
        return run

    def _recall(self, run: JobRun) -> None:
        """Know what an earlier process proved of just this job on just this node."""
        known = self._store.state.proofs.get(run.name)
        now = fingerprint_of(self._fingerprint, run.container, run.job)
        if known is not None and known.fingerprint == now:
            run.decision.memory.proofs = {p.allocation.candidate: p for p in known.proofs}

    def _mind(self, managed: Managed, mode: Mode) -> JobDecision:
        return JobDecision(
            self._ports.topology,
            managed.job.target,
            self._settings,
            self._open_search,
            is_canary=mode is Mode.CANARY,
            search=search_settings(managed, self._ports.name, self._settings.confirm_windows),
        )

    def _remembered(self, managed: Managed) -> Allocation | None:
        good = self._store.state.last_good.get(managed.job.name)
        if good is None:
            return None
        age_s = self._ports.clock.now_s() - good.at_s
        same = (good.target_ms, good.image) == (
            managed.job.target.latency_ms,
            managed.container.image_digest,
        )
        fits = good.allocation.cpus <= self._ports.topology.ids
        return good.allocation if same and fits and age_s <= LATELY_S else None

    def _reader(self, managed: Managed, source: LatencySource) -> Callable[[], JobReading]:
        host, clock, container_id = self._ports.host, self._ports.clock, managed.container.id
        name = managed.job.name

        def read() -> JobReading:
            own_s = self._cpu_time_s(container_id)
            return JobReading(
                node=self._meter.read(clock.monotonic_s()),
                now_s=clock.now_s(),
                latency=source.read(),
                cpu_time_s=own_s,
                managed_cpu_s=own_s + self._neighbours_s(name),
                run_queue_wait_s=host.run_queue_wait_s(container_id),
            )

        return read

    def _cpu_time_s(self, container_id: str) -> float:
        """CPU seconds of a job, read once a tick: its neighbours ask too."""
        now_s = self._ports.clock.monotonic_s()
        at_s, known_s = self._cpu_times_s.get(container_id, (-math.inf, 0.0))
        if now_s - at_s >= SAME_TICK_S:
            known_s = self._ports.host.cpu_time_s(container_id)
            self._cpu_times_s[container_id] = (now_s, known_s)
        return known_s

    def _neighbours_s(self, name: str) -> float:
        """CPU seconds of the other jobs, as far as they are on a job's CPUs."""
        mine = self.runs[name].in_force.cpus if name in self.runs else frozenset()
        shares: dict[CpuSet, float] = {}  # many jobs have the same CPUs
        total_s = 0.0
        for other in self.runs.values():
            cpus = other.in_force.cpus
            if cpus not in shares:
                shares[cpus] = len(mine & cpus) / max(len(cpus), 1)
            if shares[cpus] and other.name != name:
                total_s += self._cpu_time_s(other.container.id) * shares[cpus]
        return total_s

    def _give_back_strangers(self, in_charge: set[str], wrong: list[str]) -> None:
        """What the journal has of containers that are no jobs any more is put back."""
        for container_id in self._actor.journalled() - in_charge:
            self._give_back(container_id, wrong)

    def _give_back(self, container_id: str, wrong: list[str]) -> None:
        try:
            restored = self._actor.give_back(container_id)
        except JoulepilotError as error:
            wrong.append(str(error))
            return
        if restored is not None and restored.outcome not in {
            Restoration.RESTORED,
            Restoration.GONE,
        }:
            wrong.append(f"{restored.original.name}: {restored.outcome}: {restored.reason}")
