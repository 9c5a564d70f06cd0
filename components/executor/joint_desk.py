"""Plans the jobs of a node together, where there are several and all is known that it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.executor.deciding import room_of, rule, wishes_of
from components.jobs.candidate import Candidate
from components.planning.joint_ledger import Window
from components.planning.joint_planner import JointPlanner
from components.planning.joint_prospects import Prospects
from components.planning.joint_views import View
from components.planning.refusals import Refusals
from components.planning.reserve import is_shared, reserved_cpus, usable_cpus
from components.policy.candidates import candidates_of
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.executor.deciding import Change, Conditions
    from components.executor.job_run import JobRun
    from components.executor.ports import NodePorts
    from components.executor.settings import ExecutorSettings
    from components.executor.window import ClosedWindow
    from components.node.topology import Topology
    from components.planning.administrator import Administration
    from components.planning.joint import JointPlan
    from components.planning.wish import Wish
    from components.policy.brain import Brain

PATIENT = 0.9
"""Of the least probability that a job's owner asks of a probe, what does for one of the plan: it is
tried while nothing else is."""
LEAST_JOBS = 2
"""One job alone is served by its own search."""


def plans_jointly(settings: ExecutorSettings, topology: Topology) -> bool:
    """Whether the jobs of a node are planned together."""
    asked = settings.plans_jointly
    return not is_shared(topology) if asked is None else asked


class JointDesk:
    """Collects the windows of a tick, and turns the plan for all jobs into changes."""

    def __init__(self, ports: NodePorts) -> None:
        self._ports = ports
        self.forget()
        self._windows: dict[str, Window] = {}
        self._cpu_time: dict[str, tuple[float, float]] = {}
        self._candidates: dict[tuple[int, int], tuple[Candidate, ...]] = {}

    def forget(self) -> None:
        """Begin anew: what was seen says nothing of how jobs fare from now on."""
        self._prospects = Prospects(self._ports.topology)
        self._planner = JointPlanner(self._prospects)
        self._refusals = Refusals()

    @property
    def last(self) -> JointPlan | None:
        """The newest joint plan, for people."""
        return self._planner.last

    def note(self, run: JobRun, window: ClosedWindow, at_s: float) -> None:
        """Take in a closed window of a job."""
        used_s = self._ports.host.cpu_time_s(run.container.id)
        before_s, before_used_s = self._cpu_time.get(run.name, (at_s - window.elapsed_s, 0.0))
        self._cpu_time[run.name] = (at_s, used_s)
        latency_ms = window.statistic_ms(run.job.target)
        candidate = run.in_force.candidate or self._all_of(run)
        power_w = window.power_w
        is_fit = window.is_judgeable and not run.is_on_trial
        if not (is_fit and latency_ms and power_w) or candidate is None:
            return
        self._windows[run.name] = Window(
            candidate=candidate,
            latency_ms=latency_ms,
            rate_per_s=window.latency.offered_rate_per_s,
            n_windows=window.n_windows,
            busy_cpus=max(used_s - before_used_s, 0.0) / max(at_s - before_s, 1e-9),
            power_w=power_w,
            at_s=at_s,
        )

    def decide(
        self,
        runs: Sequence[JobRun],
        conditions: Conditions,
        brain: Brain,
        prober: str | None,
        says: Administration,
    ) -> tuple[tuple[Change, ...], str | None] | None:
        """Decide for all jobs at once; None where each has to be served by itself."""
        windows, self._windows = self._windows, {}
        topology = conditions.topology
        acting = [run for run in runs if run.acts and not run.is_idle and run.window is not None]
        if not self.serves(acting) or conditions.is_paused:
            return None
        self._prospects.keep_only({run.name for run in runs})
        for run in acting:
            self._prospects.admit(run.name, brain, self._candidates_of(run, conditions))
        self._prospects.observe(windows, {run.name: run.in_force.cpus for run in runs})
        wishes = {
            wish.job: replace(wish, priority=says.priorities.get(wish.job, wish.priority))
            for wish in wishes_of(acting, conditions)
        }
        self._planner.keep_to(says.power_cap_w, {w.job: w.priority for w in wishes.values()})
        fixed = [run.in_force.cpus for run in runs if run not in acting and run.in_force.is_placed]
        planned = self._planner.plan(
            [self._view(run, wishes[run.name], conditions) for run in acting],
            reserved_cpus(topology) | (topology.ids - conditions.online),
            frozenset().union(*fixed),
            prober,
            conditions.at_s,
        )
        if planned is None:
            return None
        conditions = replace(conditions, is_joint=True)
        by_job = {change.job: change for change in planned.changes}
        room = room_of(runs, planned, conditions)
        changes: dict[str, Change] = {}
        for run in runs:
            run.denied = planned.denials.get(run.name)
            given = by_job.get(run.name)
            change = rule(run, given, run.decision.intent(), conditions, room)
            if given is not None and run.ruling is not None and run.ruling.is_overruled:
                self._refusals.note(run.name, given.allocation.candidate, conditions.at_s)
            if change is not None:
                changes[run.name] = change
        if not is_shared(topology):
            drop_overlaps(changes, runs)
        order = [change.job for change in planned.changes if change.job in changes]
        order += [name for name in changes if name not in order]
        return tuple(changes[name] for name in order), planned.prober

    def _view(self, run: JobRun, wish: Wish, conditions: Conditions) -> View:
        refused = self._refusals.of(run.name, conditions.at_s)
        return View(
            wish=wish,
            target_ms=run.job.target.latency_ms,
            candidate=run.in_force.candidate,
            most_cpus=self.most_cpus(run, conditions),
            least_chance=PATIENT * run.job.probe_min_p,
            barred=refused | run.decision.evidence.undone.keys(),
            is_probing=run.in_force.arm is Arm.PROBE,
        )

    def _all_of(self, run: JobRun) -> Candidate | None:
        """What all CPUs count as, the few that are kept for the system apart."""
        usable = usable_cpus(self._ports.topology)
        return Candidate(len(usable)) if run.in_force.cpus >= usable else None

    def _candidates_of(self, run: JobRun, conditions: Conditions) -> tuple[Candidate, ...]:
        bounds = (run.job.min_cpus, self.most_cpus(run, conditions))
        if bounds not in self._candidates:
            self._candidates[bounds] = candidates_of(conditions.topology, *bounds)
        return self._candidates[bounds]

    def serves(self, runs: Sequence[JobRun]) -> bool:
        """Whether jobs are planned together here."""
        n_acting = sum(run.acts for run in runs)
        return n_acting >= LEAST_JOBS

    def most_cpus(self, run: JobRun, conditions: Conditions) -> int:
        """Most CPUs a job may be given, by its owner's word; beside the others the plan decides."""
        most = len(usable_cpus(conditions.topology))
        return most if run.job.max_cpus is None else min(most, run.job.max_cpus)


def drop_overlaps(changes: dict[str, Change], runs: Sequence[JobRun]) -> None:
    """Take back moves into CPUs that another job keeps: it was not let leave, or came since.

    The guard rules job by job, and what was good for a job once may be another's by now; all has
    to fit together still. Back to what a job had before us, on the other hand, it always may go.
    """
    while True:
        final = {
            run.name: changes[run.name].cpus if run.name in changes else run.in_force.cpus
            for run in runs
            if run.name in changes or run.in_force.is_placed
        }
        spoilt = [
            name
            for name, change in changes.items()
            if not change.is_original
            and change.cpus != change.run.in_force.cpus
            and any(other != name and cpus & change.cpus for other, cpus in final.items())
        ]
        if not spoilt:
            return
        del changes[spoilt[0]]
