"""What the jobs of a node have ahead of them, by what they showed: the options of a joint plan."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.planning.interference import Exposure, Neighbour, exposures
from components.planning.joint import Option, Tenant
from components.planning.joint_ledger import JobLedger
from components.planning.joint_power import PowerModel
from components.planning.joint_shape import shapes_of
from components.planning.joint_views import JointSettings, View, use_of, worth_asking
from components.planning.wish import Purpose
from components.policy import normal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.cpuset import CpuSet
    from components.node.topology import Topology
    from components.planning.joint_ledger import Outlook, Window
    from components.planning.joint_shape import Shapes
    from components.policy.brain import Brain

LEAST_KEPT = 0.5
"""Least share of its CPUs that a job keeps in one move."""


class Prospects:
    """Remembers what jobs showed, and says what each could be given."""

    def __init__(self, topology: Topology, settings: JointSettings | None = None) -> None:
        self.topology = topology
        self.settings = settings or JointSettings()
        self.power = PowerModel(topology)
        self._ledgers: dict[str, JobLedger] = {}
        self._shapes: dict[str, Shapes] = {}

    def know(self, jobs: Iterable[str]) -> bool:
        """Whether anything can be expected of all of these jobs, and of the node's power."""
        ready = {job for job, ledger in self._ledgers.items() if ledger.is_ready}
        return self.power.is_known and ready.issuperset(jobs)

    def admit(self, job: str, brain: Brain, candidates: Sequence[Candidate]) -> None:
        """Plan for a job from now on; one that is known under the same policy stays as it is."""
        known = self._ledgers.get(job)
        if known is not None and known.brain is brain and known.candidates == tuple(candidates):
            return
        self._ledgers[job] = JobLedger(brain, self.topology, candidates)
        self._shapes[job] = shapes_of(self.topology, candidates)

    def keep_only(self, jobs: Collection[str]) -> None:
        """Forget all other jobs."""
        for job in [job for job in self._ledgers if job not in jobs]:
            del self._ledgers[job], self._shapes[job]

    def observe(self, windows: Mapping[str, Window], held: Mapping[str, CpuSet]) -> None:
        """Take in what closed windows showed.

        Args:
            windows: by job.
            held: the CPUs every job of the node had meanwhile.
        """
        there = {job: Neighbour(cpus, use_of(windows.get(job), cpus)) for job, cpus in held.items()}
        felt = exposures(self.topology, there)
        for job, window in windows.items():
            ledger = self._ledgers.get(job)
            if ledger is None:
                continue
            is_shared = any(o != job and cpus & held[job] for o, cpus in held.items())
            ledger.observe(window, felt.get(job, Exposure()), is_shared=is_shared)
        if windows:
            busy = sum(n.use * len(n.cpus) for n in there.values())
            newest = max(windows.values(), key=lambda w: w.at_s)
            every: CpuSet = frozenset().union(*held.values())
            self.power.observe(every, min(busy, float(len(every))), newest.power_w)

    def is_urgent(self, view: View, at_s: float) -> bool:
        """Whether a job cannot wait: what is in force is tried enough, or not good enough."""
        ledger = self._ledgers[view.job]
        kept = ledger.index(view.candidate) if view.wish.is_placed else None
        if kept is None or view.has_probed or self._kept_ms(view, kept, at_s) > view.target_ms:
            return True
        return self._confirmed(view, at_s) not in {None, kept}

    def trial(self, views: Sequence[View], at_s: float) -> View | None:
        """The probe that promises most: an unseen candidate that likely keeps its target.

        None while a search still probes by itself, and where nothing promises enough.
        """
        if not all(view.wish.is_placed for view in views):
            return None
        best, found = self.settings.least_trial_share * self.power.awake_w, None
        for view in views:
            ledger = self._ledgers[view.job]
            kept = ledger.index(view.candidate)
            if kept is None:
                continue
            # what sleeps by fewer cores sleeps only as long as these are enough
            core_w = self.power.shared_core_w if ledger.load.is_steady(at_s) else 0.0
            outlook = ledger.outlook(ledger.load.planned_rate(at_s))
            own_w = self._own_w(view.job, outlook)
            slack = math.log(view.target_ms) - outlook.latency_log
            chance = normal.cdf(slack / outlook.sigma)
            may = (ledger.n_seen == 0.0) & (chance >= view.least_chance)
            may &= ledger.n_cpus >= LEAST_KEPT * len(view.wish.current)
            for barred in view.barred:
                may[ledger.index(barred)] = False
            full_w = own_w + core_w * self._shapes[view.job].cores
            worth = np.where(may, chance * (full_w[kept] - full_w), 0.0)
            at = int(worth.argmax())
            if worth[at] > best:
                wish = replace(view.wish, purpose=Purpose.TRIAL, candidate=ledger.candidates[at])
                best, found = float(worth[at]), replace(view, wish=wish)
        return found

    def _believed_ms(self, ledger: JobLedger, kept: int, at_s: float) -> float:
        """What the candidate in force is believed to take until it is looked at again."""
        s = self.settings
        now = ledger.outlook(ledger.load.rate_soon(at_s), slice(kept, kept + 1))
        doubted = float(now.latency_log[0] + s.kept_sigmas * now.sigma[0])
        return math.exp(doubted) * (1.0 + s.kept_headroom)

    def _kept_ms(self, view: View, kept: int, at_s: float) -> float:
        """What the candidate in force is judged by."""
        ledger = self._ledgers[view.job]
        return self._believed_ms(ledger, kept, at_s) * self._excess(view, kept, at_s)

    def _excess(self, view: View, kept: int | None, at_s: float) -> float:
        """Factor by which a job that misses its target is slower than is believed; else 1."""
        ledger = self._ledgers[view.job]
        lately_ms = 0.0 if kept is None else ledger.lately_ms(kept)
        if kept is None or lately_ms <= view.target_ms:
            return 1.0
        return max(lately_ms / self._believed_ms(ledger, kept, at_s), 1.0)

    def _judged_ms(self, outlook: Outlook, sigmas: float) -> NDArray[np.float64]:
        """What candidates are judged by that are not in force."""
        doubted = outlook.latency_log + sigmas * outlook.sigma
        return np.asarray(np.exp(doubted) * (1.0 + self.settings.headroom))

    def _confirmed(self, view: View, at_s: float) -> int | None:
        """What a search wants to confirm, where the plan can bear that; None: nothing."""
        ledger = self._ledgers[view.job]
        asked = ledger.index(view.wish.candidate)
        if view.wish.purpose is not Purpose.CONFIRM or asked is None:
            return None
        if asked == ledger.index(view.candidate):
            is_fine = self._kept_ms(view, asked, at_s) <= view.target_ms
        else:
            outlook = ledger.outlook(ledger.load.planned_rate(at_s), slice(asked, asked + 1))
            is_fine = self._judged_ms(outlook, self.settings.sigmas)[0] <= view.target_ms
        return asked if is_fine and self._may(view)[asked] else None

    def _may(self, view: View) -> NDArray[np.bool_]:
        """Which candidates a job may be given now."""
        ledger = self._ledgers[view.job]
        may = ledger.n_cpus <= view.most_cpus
        if view.wish.is_placed:
            may &= (ledger.n_cpus >= LEAST_KEPT * len(view.wish.current)) | (ledger.n_seen > 0.0)
        for barred in view.barred:
            index = ledger.index(barred)
            if index is not None:
                may[index] = False
        return may

    def tenant(self, view: View, at_s: float, sigmas: float) -> Tenant:
        """What a job could be given, where what is not in force has to bear so much doubt."""
        ledger = self._ledgers[view.job]
        outlook = ledger.outlook(ledger.load.planned_rate(at_s))
        own_w = self._own_w(view.job, outlook)
        candidate = view.candidate if view.wish.is_placed else None
        kept = ledger.index(candidate)
        judged = self._judged_ms(outlook, sigmas) * self._excess(view, kept, at_s)
        if kept is not None:
            judged[kept] = self._kept_ms(view, kept, at_s)
        shapes, may = self._shapes[view.job], self._may(view)
        rows = worth_asking(judged, own_w, shapes, may, view.target_ms, kept)
        confirmed = self._confirmed(view, at_s)
        if confirmed is not None:
            rows = np.asarray([confirmed])  # the end of its search: worth the little it may cost
        options = tuple(
            Option(ledger.candidates[i], float(judged[i]), float(own_w[i]), float(outlook.use[i]))
            for i in rows.tolist()
        )
        return Tenant(
            view.job,
            view.target_ms,
            options,
            view.wish.current,
            candidate,
            view.wish.priority,
            ledger.sensitivity,
        )

    def _own_w(self, job: str, outlook: Outlook) -> NDArray[np.float64]:
        shapes = self._shapes[job]
        siblings = shapes.n_cpus - shapes.cores
        return self.power.own_w(
            shapes.cores.astype(np.float64),
            siblings.astype(np.float64),
            outlook.use * shapes.n_cpus,
        )
