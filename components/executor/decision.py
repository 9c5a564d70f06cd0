"""What one job wants: drives its search window by window, and watches what it committed to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.executor.intent import Intent, Phase
from components.executor.memory import Memory
from components.executor.watch import IN_A_ROW, CommitmentWatch, Load
from components.planning.guard import Rule
from components.planning.wish import Purpose
from components.policy.errors import PolicyError
from components.policy.search import Search, SearchSettings
from components.policy.steps import Confirm, Infeasible, Observation, Probe, Settled

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
_WAITING_WINDOWS = 2
"""Windows of what is in force that a search is told while it waits for its turn to probe."""


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
        self._brain: Brain | None = None
        self._search: Search | None = None
        self._candidates: tuple[Candidate, ...] = ()
        self._searchable: frozenset[Candidate] = frozenset()
        self._step: Step | None = None
        self._number = 0
        self._emergency: Candidate | None = None
        self._watch = CommitmentWatch(target, settings.load_change)
        self._committed_at_s: float | None = None
        self._n_unasked = 0
        self._n_extra = 0
        self._unsafe: set[Candidate] = set()

    @property
    def has_search(self) -> bool:
        """Whether a policy decides here."""
        return self._search is not None

    @property
    def brain(self) -> Brain | None:
        """The policy that decides here."""
        return self._brain

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What the search may choose from."""
        return self._candidates

    @property
    def step(self) -> Step | None:
        """The search's last word."""
        return self._step

    def take_over(self, memory: Memory) -> None:
        """Go on from what another mind saw of the same job, judged by this one's target."""
        self.memory.take_over(memory)

    def since_commit_s(self, at_s: float) -> float | None:
        """Seconds since the last commitment; None before the first."""
        return None if self._committed_at_s is None else at_s - self._committed_at_s

    def is_cramped(self, most_cpus: int, in_force: InForce) -> bool:
        """Whether the search should begin anew because a job may have another number of CPUs."""
        widest = max((c.n_cpus for c in self._candidates), default=most_cpus)
        if most_cpus > widest:
            return self.phase is Phase.INFEASIBLE
        searching = self.phase in {Phase.SEARCHING, Phase.CONFIRMING}
        too_wide = in_force.is_placed and len(in_force.cpus) > most_cpus
        return most_cpus < widest and (searching or too_wide)

    def predictions(self) -> tuple[Prediction, ...]:
        """What the policy believes of every candidate; empty while it has seen nothing."""
        try:
            return () if self._search is None else self._search.predictions()
        except PolicyError as error:
            log.warning("no predictions: %s", error)
            return ()

    def open(
        self, brain: Brain, candidates: tuple[Candidate, ...], at_s: float, reason: str
    ) -> None:
        """Begin a search, told what is known already at this load.

        A policy that answers with something unusable closes it again: the guard does the rest.
        """
        self._unsafe.clear()
        self._recall(at_s)
        allowed = tuple(c for c in candidates if c not in self.evidence.undone)
        self._brain, self._candidates = brain, candidates
        self._searchable = frozenset(allowed or candidates)
        self._emergency = None
        self._n_unasked = self._n_extra = 0
        self._unsafe.clear()
        try:
            self._search = Search(
                brain,
                self._topology,
                allowed or candidates,
                self._target,
                SearchSettings(confirm_windows=self._settings.confirm_windows),
            )
            for observation in self.memory.to_retell(at_s, self._searchable):
                self._search.observe(observation)
            self._advance(at_s)
        except PolicyError as error:
            self.close(f"the policy failed: {error}")
        else:
            log.info("search opened: %s; %s", reason, self.reason)

    def close(self, reason: str) -> None:
        """Let no policy decide any more."""
        self._search = self._step = self._brain = self._emergency = None
        self.phase = Phase.WATCHING
        self.reason = reason
        self._number += 1

    def intent(self) -> Intent:
        """What is wanted now."""
        step = self._step
        if self._emergency is not None:
            return self._intent(Purpose.EMERGENCY, self._emergency)
        if isinstance(step, Probe):
            return self._intent(Purpose.PROBE, step.candidate, step.propensity)
        if isinstance(step, Confirm):
            return self._intent(Purpose.CONFIRM, step.candidate)
        if isinstance(step, Settled):
            return self._intent(Purpose.COMMIT, step.candidate)
        if isinstance(step, Infeasible):
            return self._intent(Purpose.EMERGENCY, step.candidate)
        return self._intent(Purpose.KEEP, None)

    def windows_wanted(self, in_force: InForce) -> int:
        """Length of the next window, in plain windows."""
        step = self._step
        confirming = isinstance(step, Confirm) and step.candidate == in_force.candidate
        return step.n_windows if confirming and isinstance(step, Confirm) else 1

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
        if self._search is None:
            return
        self._emergency = None  # it was asked for: the next window tells whether it helped
        try:
            if self._step is None or isinstance(self._step, Settled | Infeasible):
                self._watch_over(observation, rate, window.latency.n_received, at_s)
            else:
                self._tell(observation, at_s)
        except PolicyError as error:
            self.close(f"the policy failed: {error}")

    def may_be_good(self, candidate: Candidate) -> bool:
        """Whether nothing that was seen at this load speaks against a candidate."""
        return candidate not in self.evidence.measured or self.evidence.accepts(candidate)

    def committed(self, at_s: float) -> None:
        """Note that a commitment came into force."""
        self._committed_at_s = at_s

    def refused(self, ruling: Ruling, in_force: InForce) -> None:
        """Take in that the guard ruled against the intent, and settle for what is proven."""
        step = self._step
        if ruling.rule is Rule.HOLD_TIME or step is None:
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
        proven = None if self.best is None else self.best.candidate
        if ruling.rule is Rule.DEAD_BAND:
            proven = in_force.candidate
        elif ruling.rule is Rule.LIMITS:
            proven = None
        self._step = None if proven is None else Settled(proven, reason)
        self._settle(reason)

    def _recall(self, at_s: float) -> None:
        self.evidence = self.memory.evidence(at_s, len(self._unsafe))
        self.best = self.memory.best(self.evidence)

    def _tell(self, observation: Observation, at_s: float) -> None:
        """Tell the search what it asked for, or a little of what is in force meanwhile."""
        step = self._step
        asked = isinstance(step, Probe | Confirm) and step.candidate == observation.candidate
        if not asked:
            known = observation.candidate in self._searchable
            if self._n_unasked >= _WAITING_WINDOWS or not known:
                return
            self._n_unasked += 1
        elif isinstance(step, Probe) and not self._target.is_met_by(observation.latency_ms):
            self._unsafe.add(observation.candidate)
        if self._search is not None:
            self._search.observe(observation)
            self._advance(at_s)

    def _advance(self, at_s: float) -> None:
        if self._search is not None:
            self._set_step(self._search.next())
            self._recall(at_s)

    def _set_step(self, step: Step) -> None:
        self._step = step
        self._number += 1
        self.reason = step.reason
        match step:
            case Probe():
                self.phase = Phase.SEARCHING
            case Confirm():
                self.phase = Phase.CONFIRMING
            case Settled():
                self._settle(step.reason)
            case Infeasible():
                self._settle(step.reason)
                self.phase = Phase.INFEASIBLE

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

    def _is_rested(self, at_s: float) -> bool:
        since = self.since_commit_s(at_s)
        return since is None or since >= self._settings.hold_s

    def _violated(self, observation: Observation, at_s: float, *, load_rose: bool) -> None:
        missed = f"{observation.latency_ms:.3g} ms at {observation.candidate}"
        if self._is_canary:
            self.close(f"canary missed its target: {missed}")
            self.phase = Phase.BACKED_OFF
            return
        widest = max(self._candidates, key=lambda c: c.n_cpus)
        if load_rose:
            self._begin_anew(observation, at_s, f"the load rose: {missed}")
        else:
            self.memory.take_back(observation.candidate, at_s, f"taken back: {missed}")
            if self._brain is not None:
                self.open(self._brain, self._candidates, at_s, f"the target is missed: {missed}")
        if self._search is not None and observation.candidate != widest:
            self._emergency = widest
            self._number += 1
            self.reason = f"widened at once: {missed}"

    def _begin_anew(self, incumbent: Observation, at_s: float, reason: str) -> None:
        """Warm restart: what was measured is shifted by what the load did to the incumbent."""
        self.memory.load_changed()
        self._recall(at_s)
        self._n_unasked = self._n_extra = 0
        self._unsafe.clear()
        if self._brain is not None and incumbent.candidate not in self._searchable:
            self.open(self._brain, self._candidates, at_s, reason)
        elif self._search is not None:
            self._search.load_changed(incumbent)
            self._advance(at_s)
            log.info("search begun anew: %s; %s", reason, self.reason)

    def _intent(
        self, purpose: Purpose, candidate: Candidate | None, propensity: float = 1.0
    ) -> Intent:
        return Intent(purpose, candidate, propensity, self.reason, self._number)
