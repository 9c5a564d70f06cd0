"""What one job wants: drives its search window by window, and watches what it committed to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.executor.intent import (
    Intent,
    Phase,
    as_narrow,
    phase_of,
    proven_step,
    way_out,
    widest_of,
    wish_of,
)
from components.executor.memory import Memory
from components.executor.seen import observation_of
from components.executor.tries import Tries
from components.executor.trust import PolicyTrust
from components.executor.watch import IN_A_ROW, CommitmentWatch, Finding, Load
from components.planning.guard import Rule
from components.planning.wish import Purpose
from components.policy.errors import PolicyError
from components.policy.steps import Confirm, Infeasible, Settled
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from components.executor.sampling import InForce
    from components.executor.search_session import OpenSearch, Searching
    from components.executor.settings import ExecutorSettings
    from components.executor.window import ClosedWindow
    from components.jobs.candidate import Allocation, Candidate, Prediction
    from components.jobs.target import Target
    from components.node.topology import Topology
    from components.planning.guard import Ruling
    from components.policy.brain import Brain
    from components.policy.search_settings import SearchSettings
    from components.policy.steps import Observation, Step

log = logging.getLogger(__name__)

_EXTRA_CONFIRMATIONS = 2
_REOPENINGS = 3  # a search may look elsewhere so often when the guard bars what it asks for


class JobDecision:
    """The mind of one job: fed with closed windows, asked for intents."""

    def __init__(
        self,
        topology: Topology,
        target: Target,
        settings: ExecutorSettings,
        open_search: OpenSearch,
        *,
        is_canary: bool,
        search: SearchSettings,
    ) -> None:
        self._topology = topology
        self._target = target
        self._settings = settings
        self._open_search = open_search
        self._is_canary = is_canary
        self._search_settings = search
        self.trust = PolicyTrust()
        self.tries = Tries()
        self.memory = Memory(target, settings.remember_s)
        self.evidence = self.memory.evidence(0.0)
        self.best: Allocation | None = None
        """The accepted allocation of least power at the present load."""
        self.phase = Phase.WATCHING
        self.reason = "waiting for a first window"
        self.candidates: tuple[Candidate, ...] = ()
        """What may be chosen from, ascending."""
        self.step: Step | None = None
        """What is asked for; None: nothing is to change."""
        self._session: Searching | None = None
        self._watch = CommitmentWatch(target, settings.load_change)
        self._emergency: Candidate | None = None
        self._excluded: frozenset[Candidate] = frozenset()
        self._is_starved = False
        self.has_new_proof = False  # whether something was proven that should outlive us
        self.n_refused = 0  # how often the guard ruled against what was wanted
        self._number = 0
        self._n_extra = 0
        self._n_reopened = 0

    @property
    def brain(self) -> Brain | None:
        """The policy that decides here; None while none does."""
        return None if self._session is None else self._session.brain

    def may_be_good(self, candidate: Candidate) -> bool:
        """Whether nothing that was seen at this load speaks against a candidate."""
        return candidate not in self.evidence.measured or self.evidence.accepts(candidate)

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
        """Begin a search, told what is known at this load; a policy that fails closes it again."""
        self._excluded = frozenset()
        self._n_reopened = 0
        self._is_starved = False
        self.memory.forget_misses()
        self._open(brain, candidates, at_s, reason)

    def close(self, reason: str) -> None:
        """Let no policy decide any more."""
        self._session = self.step = self._emergency = None
        self._watch.begin()
        self.phase = Phase.WATCHING
        self.reason = reason
        self._number += 1

    def intent(self) -> Intent:
        """What is wanted now."""
        if self._emergency is not None:
            return Intent(Purpose.EMERGENCY, self._emergency, 1.0, self.reason, self._number)
        return Intent(*wish_of(self.step), self.reason, self._number)

    def observe(self, window: ClosedWindow, in_force: InForce, at_s: float) -> None:
        """Take in a closed window of what is in force.

        One in which strangers used the job's CPUs counts less, and rules nothing out.
        """
        observation = observation_of(window, in_force.candidate, self.step, self._target)
        rate = window.latency.offered_rate_per_s
        if in_force.arm is Arm.ORIGINAL and window.is_judgeable:
            self.memory.original.see(window.statistic_ms(self._target), rate)
            if self.phase is Phase.INFEASIBLE and observation is not None:
                self._watch_original(observation, window, at_s)
                return
        if observation is None or in_force.candidate is None:
            return
        known = frozenset(self.evidence.measured)
        is_tried = in_force.arm is Arm.PROBE or self.phase is Phase.CONFIRMING
        misses = not self._target.is_met_by(observation.latency_ms)
        if is_tried and misses and self.evidence.has_refuge:
            self.tries.misses.spend(at_s)
            self.memory.missed_when_tried(observation.candidate)
        self.memory.add(observation, in_force.cpus, rate, at_s, window.end_s)
        self._recall(at_s)
        self.has_new_proof |= self.memory.prove(self.evidence, observation.candidate)
        if self._session is None:
            if misses:  # and nobody looks for a way out: what was good is so no more
                self.memory.load_changed()
                self._recall(at_s)
            return
        tried, self._emergency = self._emergency, None
        try:
            if self.step is None or isinstance(self.step, Settled | Infeasible):
                self._watch_over(observation, window, at_s)
                return
            self.trust.watch(self._session, observation, known)
            if self._session.tell(observation):
                self._set_step(self._session.step)
                self._recall(at_s)
        except PolicyError as error:
            self._failed(error, at_s)
        if misses and observation.candidate == tried:  # the load rose further than was seen
            self._widen(widest_of(self.candidates), observation)

    def _failed(self, error: PolicyError, at_s: float) -> None:
        if self.trust.may_ask_again:
            self.trust.failed(at_s, str(error))
        self.close(f"the policy failed: {error}")

    def refused(self, ruling: Ruling, in_force: InForce, at_s: float) -> None:
        """Take in that the guard ruled against the intent: look elsewhere, or at what is proven."""
        step, session = self.step, self._session
        self.n_refused += ruling.rule is not Rule.HOLD_TIME
        if ruling.rule is Rule.HOLD_TIME or step is None or session is None:
            return
        is_unsure = ruling.rule is Rule.UNVERIFIED and isinstance(step, Settled)
        if is_unsure and self._n_extra < _EXTRA_CONFIRMATIONS:
            self._n_extra += 1
            reason = f"the guard wants more evidence: {ruling.reason}"
            self._set_step(Confirm(step.candidate, self._settings.confirm_windows, reason))
            return
        reason = f"the guard ruled ({ruling.rule}): {ruling.reason}"
        may_look_elsewhere = ruling.rule in {Rule.TOO_NARROW, Rule.UNDONE}
        if may_look_elsewhere and self._n_reopened < _REOPENINGS:
            self._n_reopened += 1
            self._excluded |= as_narrow(self.candidates, step.candidate)
            self._open(session.brain, self.candidates, at_s, reason)
            return
        self._is_starved |= ruling.rule is Rule.BUDGET
        self.step = proven_step(ruling.rule, in_force.candidate, self.best, self.evidence, reason)
        self._settle(reason)
        self.phase = Phase.INFEASIBLE if isinstance(self.step, Infeasible) else self.phase

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
        settings = self._search_settings
        try:
            told = self.memory.to_retell(at_s)
            topology, target = self._topology, self._target
            self._session = self._open_search(brain, topology, allowed, target, settings, told)
            self._set_step(self._session.step)
            log.info("search opened: %s; %s", reason, self.reason)
        except PolicyError as error:
            self._failed(error, at_s)

    def _recall(self, at_s: float) -> None:
        self.evidence = self.memory.evidence(at_s)
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

    def _watch_original(self, observation: Observation, window: ClosedWindow, at_s: float) -> None:
        """The original CPUs are in force, as nothing of ours was enough: until the load changes."""
        finding = self._look(observation, window)
        if finding.load is not Load.SAME and self._session is not None:
            self.memory.load_changed()
            self.open(self._session.brain, self.candidates, at_s, "the load changed")

    def _look(self, observation: Observation, window: ClosedWindow) -> Finding:
        latency, sigma = window.latency, self.evidence.log_sigma
        return self._watch.look(observation, latency.offered_rate_per_s, latency.n_received, sigma)

    def _watch_over(self, observation: Observation, window: ClosedWindow, at_s: float) -> None:
        """Act on what a window says of the commitment."""
        finding = self._look(observation, window)
        if self.phase is Phase.INFEASIBLE:
            if finding.load is not Load.SAME or finding.n_meeting > IN_A_ROW:
                self._begin_anew(observation, at_s, "what was out of reach may not be any more")
        elif finding.is_violated:
            is_excused = finding.load is Load.ROSE or bool(window.contended)
            self._violated(observation, at_s, is_excused=is_excused)
        elif finding.load is Load.FELL and self.tries.has_rested(at_s, self._settings.hold_s):
            self._begin_anew(observation, at_s, "the load fell")
        elif self.memory.forgive(at_s) and self._session is not None:
            brain = self._session.brain
            self.open(brain, self.candidates, at_s, "what was taken back may be tried again")
        elif self._is_starved and self.tries.allow(at_s) and self._session is not None:
            self.open(self._session.brain, self.candidates, at_s, "its budget of probes is back")

    def _violated(self, observation: Observation, at_s: float, *, is_excused: bool) -> None:
        missed = f"{observation.latency_ms:.3g} ms at {observation.candidate}"
        if self._is_canary:
            self.close(f"canary missed its target: {missed}")
            self.phase = Phase.BACKED_OFF
            return
        widest = widest_of(self.candidates)
        if not (is_excused or observation.candidate.n_cpus >= widest.n_cpus):
            self.memory.take_back(observation.candidate, at_s, f"taken back: {missed}")
        self._begin_anew(observation, at_s, f"the target is missed: {missed}")
        self._widen(way_out(self.evidence, observation.candidate, widest), observation)

    def _widen(self, way_out: Candidate, observation: Observation) -> None:
        if self._session is not None and way_out.n_cpus > observation.candidate.n_cpus:
            self._emergency = way_out
            self._number += 1
            self.reason = f"widened at once: {observation.latency_ms:.3g} ms"

    def _begin_anew(self, incumbent: Observation, at_s: float, reason: str) -> None:
        """Warm restart: what was measured is shifted by what the load did to the incumbent."""
        self.memory.load_changed()
        self._recall(at_s)  # also where the policy fails now
        session = self._session
        if session is None:
            return
        if not session.knows(incumbent.candidate):
            self.open(session.brain, self.candidates, at_s, reason)
            return
        self._n_extra = 0
        session.load_changed(incumbent)
        self._set_step(session.step)
        log.info("search begun anew: %s; %s", reason, self.reason)
