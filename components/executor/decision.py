"""What one job wants: drives its search window by window, and watches what it committed to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.executor.intent import Intent, Phase, phase_of, wish_of
from components.executor.memory import Memory
from components.executor.search_session import SearchSession
from components.executor.watch import IN_A_ROW, CommitmentWatch, Load
from components.planning.guard import Rule
from components.planning.wish import Purpose
from components.policy.errors import PolicyError
from components.policy.search import SearchSettings
from components.policy.steps import Confirm, Infeasible, Observation, Settled

if TYPE_CHECKING:
    from components.executor.sampling import InForce
    from components.executor.settings import ExecutorSettings
    from components.executor.window import ClosedWindow
    from components.jobs.candidate import Allocation, Candidate, Prediction
    from components.jobs.target import Target
    from components.node.topology import Topology
    from components.planning.guard import Ruling
    from components.policy.brain import Brain
    from components.policy.steps import Step

log = logging.getLogger(__name__)

_EXTRA_CONFIRMATIONS = 2
_REOPENINGS = 3
"""How often a search may look elsewhere when the guard bars what it asks for."""


class JobDecision:
    """The mind of one job: fed with closed windows, asked for intents."""

    def __init__(
        self, topology: Topology, target: Target, settings: ExecutorSettings, *, is_canary: bool
    ) -> None:
        self._topology = topology
        self._target = target
        self._settings = settings
        self._is_canary = is_canary
        self.memory = Memory(target, settings.remember_s)
        self.evidence = self.memory.evidence(0.0)
        self.best: Allocation | None = None
        """The accepted allocation of least power at the present load."""
        self.phase = Phase.WATCHING
        self.reason = "waiting for a first window"
        self.candidates: tuple[Candidate, ...] = ()
        """What may be chosen from."""
        self.step: Step | None = None
        """What is asked for; None: nothing is to change."""
        self._session: SearchSession | None = None
        self._watch = CommitmentWatch(target, settings.load_change)
        self._emergency: Candidate | None = None
        self._excluded: frozenset[Candidate] = frozenset()
        self._committed_at_s: float | None = None
        self._number = 0
        self._n_extra = 0
        self._n_reopened = 0

    @property
    def brain(self) -> Brain | None:
        """The policy that decides here; None while none does."""
        return None if self._session is None else self._session.brain

    def take_over(self, memory: Memory) -> None:
        """Go on from what another mind saw of the same job, judged by this one's target."""
        self.memory.take_over(memory)

    def since_commit_s(self, at_s: float) -> float | None:
        """Seconds since the last commitment; None before the first."""
        return None if self._committed_at_s is None else at_s - self._committed_at_s

    def committed(self, at_s: float) -> None:
        """Note that a commitment came into force."""
        self._committed_at_s = at_s

    def may_be_good(self, candidate: Candidate) -> bool:
        """Whether nothing that was seen at this load speaks against a candidate."""
        return candidate not in self.evidence.measured or self.evidence.accepts(candidate)

    def is_cramped(self, most_cpus: int, in_force: InForce) -> bool:
        """Whether the search should begin anew because a job may have another number of CPUs."""
        widest = max((c.n_cpus for c in self.candidates), default=most_cpus)
        if most_cpus > widest:
            return self.phase is Phase.INFEASIBLE
        searching = self.phase in {Phase.SEARCHING, Phase.CONFIRMING}
        too_wide = in_force.is_placed and len(in_force.cpus) > most_cpus
        return most_cpus < widest and (searching or too_wide)

    def predictions(self) -> tuple[Prediction, ...]:
        """What the policy believes of every candidate; empty while it has seen nothing."""
        try:
            return () if self._session is None else self._session.predictions()
        except PolicyError as error:
            log.warning("no predictions: %s", error)
            return ()

    def open(
        self, brain: Brain, candidates: tuple[Candidate, ...], at_s: float, reason: str
    ) -> None:
        """Begin a search, told what is known already at this load.

        A policy that answers with something unusable closes it again: the guard does the rest.
        """
        self._excluded = frozenset()
        self._n_reopened = 0
        self._open(brain, candidates, at_s, reason)

    def close(self, reason: str) -> None:
        """Let no policy decide any more."""
        self._session = self.step = self._emergency = None
        self.phase = Phase.WATCHING
        self.reason = reason
        self._number += 1

    def intent(self) -> Intent:
        """What is wanted now."""
        if self._emergency is not None:
            return Intent(Purpose.EMERGENCY, self._emergency, 1.0, self.reason, self._number)
        return Intent(*wish_of(self.step), self.reason, self._number)

    def windows_wanted(self, in_force: InForce) -> int:
        """Length of the next window, in plain windows."""
        step = self.step
        if isinstance(step, Confirm) and step.candidate == in_force.candidate:
            return step.n_windows
        return 1

    def observe(self, window: ClosedWindow, in_force: InForce, at_s: float) -> None:
        """Take in a closed window of what is in force."""
        latency_ms = window.statistic_ms(self._target)
        candidate = in_force.candidate
        if not window.is_judgeable or not latency_ms or not window.power_w or candidate is None:
            return
        observation = Observation(
            candidate, latency_ms, window.power_w, window.n_windows, window.cut_short
        )
        rate = window.latency.offered_rate_per_s
        self.memory.add(observation, in_force.cpus, rate, at_s)
        self._recall(at_s)
        if self._session is None:
            return
        self._emergency = None  # it was asked for: the next window tells whether it helped
        try:
            if self.step is None or isinstance(self.step, Settled | Infeasible):
                self._watch_over(observation, rate, window.latency.n_received, at_s)
            elif self._session.tell(observation):
                self._set_step(self._session.step)
                self._recall(at_s)
        except PolicyError as error:
            self.close(f"the policy failed: {error}")

    def refused(self, ruling: Ruling, in_force: InForce, at_s: float) -> None:
        """Take in that the guard ruled against the intent: look elsewhere, or at what is proven."""
        step, session = self.step, self._session
        if ruling.rule is Rule.HOLD_TIME or step is None or session is None:
            return
        if (
            ruling.rule is Rule.UNVERIFIED
            and isinstance(step, Settled)
            and self._n_extra < _EXTRA_CONFIRMATIONS
        ):
            self._n_extra += 1
            reason = f"the guard wants more evidence: {ruling.reason}"
            self._set_step(Confirm(step.candidate, self._settings.confirm_windows, reason))
            return
        reason = f"the guard ruled ({ruling.rule}): {ruling.reason}"
        may_look_elsewhere = ruling.rule in {Rule.TOO_NARROW, Rule.UNDONE}
        if may_look_elsewhere and self._n_reopened < _REOPENINGS:
            self._n_reopened += 1
            self._excluded |= {
                c
                for c in self.candidates
                if c.layout is step.candidate.layout and c.n_cpus <= step.candidate.n_cpus
            }
            self._open(session.brain, self.candidates, at_s, reason)
            return
        self._settle_for_proven(ruling.rule, in_force, reason)

    def _settle_for_proven(self, rule: Rule, in_force: InForce, reason: str) -> None:
        """End the search with what is accepted; else with the fastest that was seen."""
        measured = self.evidence.measured
        self.step = None
        if rule is Rule.DEAD_BAND and in_force.candidate is not None:
            self.step = Settled(in_force.candidate, reason)
        elif self.best is not None and rule is not Rule.LIMITS:
            self.step = Settled(self.best.candidate, reason)
        elif measured and rule is not Rule.LIMITS:
            fastest = min(measured, key=lambda candidate: measured[candidate].mean_ms)
            self.step = Infeasible(fastest, reason)
        self._settle(reason)
        if isinstance(self.step, Infeasible):
            self.phase = Phase.INFEASIBLE

    def _open(
        self, brain: Brain, candidates: tuple[Candidate, ...], at_s: float, reason: str
    ) -> None:
        self._session = None
        self._recall(at_s)
        barred = self._excluded.union(self.evidence.undone)
        allowed = tuple(c for c in candidates if c not in barred) or candidates
        self.candidates = candidates
        self._emergency = None
        self._n_extra = 0
        settings = SearchSettings(confirm_windows=self._settings.confirm_windows)
        try:
            self._session = SearchSession(
                brain, self._topology, allowed, self._target, settings, self.memory.to_retell(at_s)
            )
            self._set_step(self._session.step)
        except PolicyError as error:
            self.close(f"the policy failed: {error}")
        else:
            log.info("search opened: %s; %s", reason, self.reason)

    def _recall(self, at_s: float) -> None:
        n_unsafe = 0 if self._session is None else self._session.n_unsafe
        self.evidence = self.memory.evidence(at_s, n_unsafe)
        self.best = self.memory.best(self.evidence)

    def _set_step(self, step: Step) -> None:
        self.step = step
        self._number += 1
        self.reason = step.reason
        if isinstance(step, Settled | Infeasible):
            self._settle(step.reason)
        self.phase = phase_of(step)

    def _settle(self, reason: str) -> None:
        self.phase = Phase.SETTLED
        self.reason = reason
        self._watch.begin()
        self._number += 1

    def _watch_over(
        self, observation: Observation, rate_per_s: float, n_received: int, at_s: float
    ) -> None:
        """Act on what a window says of the commitment."""
        sigma = self.evidence.log_sigma
        finding = self._watch.look(observation, rate_per_s, n_received, sigma)
        if self.phase is Phase.INFEASIBLE:
            if finding.load is not Load.SAME or finding.n_meeting > IN_A_ROW:
                self._begin_anew(observation, at_s, "what was out of reach may not be any more")
        elif finding.is_violated:
            self._violated(observation, at_s, load_rose=finding.load is Load.ROSE)
        elif finding.load is Load.FELL and self._is_rested(at_s):
            self._begin_anew(observation, at_s, "the load fell")
        elif self.memory.forgive(at_s) and self._session is not None:
            brain = self._session.brain
            self.open(brain, self.candidates, at_s, "what was taken back may be tried again")

    def _is_rested(self, at_s: float) -> bool:
        since = self.since_commit_s(at_s)
        return since is None or since >= self._settings.hold_s

    def _violated(self, observation: Observation, at_s: float, *, load_rose: bool) -> None:
        missed = f"{observation.latency_ms:.3g} ms at {observation.candidate}"
        if self._is_canary:
            self.close(f"canary missed its target: {missed}")
            self.phase = Phase.BACKED_OFF
            return
        widest = max(self.candidates, key=lambda c: c.n_cpus)
        is_widest = observation.candidate.n_cpus >= widest.n_cpus
        if not (load_rose or is_widest):
            self.memory.take_back(observation.candidate, at_s, f"taken back: {missed}")
        self._begin_anew(observation, at_s, f"the target is missed: {missed}")
        if self._session is not None and not is_widest:
            self._emergency = widest
            self._number += 1
            self.reason = f"widened at once: {missed}"

    def _begin_anew(self, incumbent: Observation, at_s: float, reason: str) -> None:
        """Warm restart: what was measured is shifted by what the load did to the incumbent."""
        self.memory.load_changed()
        session = self._session
        if session is None:
            return
        if not session.knows(incumbent.candidate):
            self.open(session.brain, self.candidates, at_s, reason)
            return
        self._n_extra = 0
        session.load_changed(incumbent)
        self._set_step(session.step)
        self._recall(at_s)
        log.info("search begun anew: %s; %s", reason, self.reason)
