"""Switches versions of applications by hints: tried for a window each, read back, given back."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.hint import Hint, encode_hint
from components.errors import JoulepilotError
from components.executor.intent import Phase
from components.jobs.candidate import CPU_DEVICE
from components.planning.variant_choice import allowed_variants, choose_variant

if TYPE_CHECKING:
    from components.actuation.hint_journal import HintJournal
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.executor.ports import NodePorts
    from components.executor.window import ClosedWindow
    from components.node.cpuset import CpuSet
    from components.telemetry.served_devices import DeviceSource

log = logging.getLogger(__name__)

_RESTING = {Phase.SETTLED, Phase.INFEASIBLE}
LOOK_S = 10.0
"""Between two looks at what a server says, while nothing is asked of it."""
_SAME_RATE = 0.2


@dataclass(slots=True)
class _Job:
    """What is known of one job's versions."""

    source: DeviceSource
    folder: Path
    home: str | None = None
    """The version that stays; others are only tried. None while its server said nothing."""
    searched_with: str | None = None
    """The version with which its CPUs were searched for."""
    asked: str | None = None
    """What a hint asks for that the server has not followed yet."""
    seen_ms: dict[str, float] = field(default_factory=dict)
    seen_on: tuple[CpuSet, float] | None = None
    """CPUs and requests a second at which that was seen."""
    is_decided: bool = False
    """Whether all were seen at this load."""
    reason: str = "its server was not asked yet"
    trouble: str | None = None
    look_s: float = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether a hint was written that the server has not followed yet."""
        return self.asked is not None

    def saw(self, variant: str, latency_ms: float, cpus: CpuSet, rate_per_s: float) -> None:
        """Take in what a version costs; what was seen on other CPUs or at another load is past."""
        before = self.seen_on
        is_same = before is not None and abs(rate_per_s / before[1] - 1.0) <= _SAME_RATE
        if before is None or not is_same or (cpus != before[0] and not self.is_decided):
            self.seen_ms, self.is_decided = {}, False
            self.seen_on = cpus, rate_per_s
        self.seen_ms[variant] = latency_ms


class VariantDesk:
    """One for the node; only jobs with declared versions, a hint directory and one device."""

    def __init__(self, ports: NodePorts, hints: HintJournal | None) -> None:
        """Take the node, and who writes hints; None: nothing is ever switched."""
        self._open = ports.served_devices if hints is not None else None
        self._hints = hints
        self._jobs: dict[str, _Job] = {}

    @property
    def health(self) -> tuple[str, ...]:
        """One line per thing that is wrong."""
        return tuple(f"{name}: {job.trouble}" for name, job in self._jobs.items() if job.trouble)

    def explain(self, run: JobRun) -> tuple[str, ...]:
        """Which version answers and why; nothing where none is chosen."""
        job = self._jobs.get(run.name)
        if job is None:
            return ()
        return (f"version: {run.variant or 'not known'}; {job.trouble or job.reason}",)

    def note(self, run: JobRun, window: ClosedWindow) -> None:
        """Take in a closed window of a job."""
        job, latency_ms = self._jobs.get(run.name), window.statistic_ms(run.job.target)
        if job is None or job.is_under_way or run.variant is None or latency_ms is None:
            return
        rate_per_s = window.latency.offered_rate_per_s
        if window.is_judgeable and rate_per_s > 0.0:
            job.saw(run.variant, latency_ms, run.in_force.cpus, rate_per_s)

    def steer(self, executor: Executor, at_s: float) -> bool:
        """Look at servers and steer; whether the version of some job changed."""
        for name in self._jobs.keys() - executor.roster.runs.keys():
            del self._jobs[name]
        may_act = not (executor.is_paused or executor.sweeping.is_running)
        steered = [run for run in executor.runs if self._is_steered(run)]
        changed = [self._steer(run, executor, at_s, may_act=may_act) for run in steered]
        return any(changed)

    def _is_steered(self, run: JobRun) -> bool:
        job = run.job
        return bool(self._open and job.variants and job.hint_dir and len(job.devices) == 1)

    def _steer(self, run: JobRun, executor: Executor, at_s: float, *, may_act: bool) -> bool:
        has_changed = False
        try:
            job = self._taken_in(run)
        except JoulepilotError as error:
            log.warning("%s: %s", run.name, error)
            return False
        try:
            if job.is_under_way or at_s >= job.look_s:
                job.look_s = at_s + LOOK_S
                has_changed = self._read_back(run, job)
            if may_act and run.acts and not (job.is_under_way or job.is_decided):
                self._act(run, job)
        except JoulepilotError as error:
            job.trouble = str(error)
        run.is_on_trial = run.variant != job.home
        if run.variant == job.home != job.searched_with:
            job.searched_with = job.home
            executor.roster.rethink(run)  # it costs something else: its CPUs are searched anew
            has_changed = True
        return has_changed

    def _taken_in(self, run: JobRun) -> _Job:
        job = self._jobs.get(run.name)
        if job is None and self._open is not None:
            job = _Job(self._open(run.container, run.job), Path(run.job.hint_dir or ""))
            self._jobs[run.name] = job
        return self._jobs[run.name]

    def _read_back(self, run: JobRun, job: _Job) -> bool:
        """Believe what the server says; whether its version is another than before."""
        served = job.source.read()
        job.trouble = served.refusal or None
        before, run.variant = run.variant, served.variant or None
        job.home = job.home or run.variant
        job.searched_with = job.searched_with or job.home
        if job.asked == run.variant:
            job.asked = None
        if before in {None, run.variant}:
            return False
        log.info("%s: version %s, was %s; %s", run.name, run.variant, before, job.reason)
        return True

    def _act(self, run: JobRun, job: _Job) -> None:
        choice = choose_variant(
            run.job.variants,
            run.job.min_quality,
            run.variant or "",
            job.seen_ms,
            is_resting=run.decision.phase in _RESTING and not run.is_idle,
        )
        if run.variant is None or self._hints is None:
            return
        job.reason = choice.reason
        names = {v.name for v in allowed_variants(run.job.variants, run.job.min_quality)}
        job.is_decided = not choice.is_trial and names <= job.seen_ms.keys()
        if job.is_decided or run.variant not in names:
            job.home = choice.variant
        if choice.variant != run.variant:
            hint = encode_hint(Hint(CPU_DEVICE, variant=choice.variant))
            self._hints.write(run.container.id, run.name, job.folder, hint)
            job.asked = choice.variant
