"""The search for a job's best candidate: one window at a time, safe while it learns.

Widen first, then narrow: all CPUs, then all physical cores if those do not keep the target, then
whatever the probe policy finds worth a window. A candidate is accepted when its mean lies
2 sigma/√n below the target, sigma being learned from repeats. What is chosen in the end is
confirmed over a longer window; if it fails, the next cheapest accepted one is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import Prediction
from components.policy.belief import Forecast, believe
from components.policy.choosing import choose_probe, fewest_of_equals
from components.policy.confirming import next_part, outcome
from components.policy.context import Reading, lay_probes, reading_of, remember, shift
from components.policy.errors import PolicyError
from components.policy.evidence import add_reading, judge, no_evidence, rule_out
from components.policy.features import candidate_features
from components.policy.recorded import RecordedBelief
from components.policy.rows import MAX_WINDOWS, Situation, spent_by_one
from components.policy.search_settings import SearchSettings
from components.policy.steps import Confirm, Infeasible, Probe, Settled
from components.policy.widening import choose_wider, widest_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.jobs.candidate import Candidate
    from components.jobs.target import Target
    from components.node.topology import Topology
    from components.policy.belief import Belief
    from components.policy.brain import Brain
    from components.policy.evidence import Verdicts
    from components.policy.steps import Observation, Step

__all__ = ["Search", "SearchSettings"]

_SHIFT_DOUBT = 0.25
"""sigma added to forecasts from before a load change, as a share of how far latency moved."""


class Search:
    """Finds the cheapest candidate of one job that keeps its target.

    Ask `next()`, do it, tell `observe()`; the answer of `next()` stays the same until then.
    """

    def __init__(
        self,
        brain: Brain,
        topology: Topology,
        candidates: Sequence[Candidate],
        target: Target,
        settings: SearchSettings | None = None,
    ) -> None:
        self._brain = brain
        self._candidates = tuple(candidates)
        if not self._candidates:
            raise PolicyError("asked for a search", "no candidate is given", "give at least one")
        self._index = {candidate: i for i, candidate in enumerate(self._candidates)}
        self._features = candidate_features(topology, self._candidates)
        self._n_cpus = np.asarray([[c.n_cpus for c in self._candidates]], dtype=np.float64)
        self._widest = widest_first(self._candidates, topology)
        self._target_log = np.asarray([math.log(target.latency_ms)])
        self._settings = settings or SearchSettings()
        surface = brain.recorded.of(self._settings.job)
        self._recorded = (
            None if surface is None else RecordedBelief(surface, topology, self._candidates)
        )
        self._context: tuple[Reading, ...] = ()
        self._doubt = 0.0
        self._warm = False
        self._step: Step | None = None
        self._belief: Belief | None = None
        self._forget()

    @property
    def n_probes(self) -> int:
        """Windows spent on probes since the search began, or began anew."""
        return self._n_probes

    def next(self) -> Step:
        """What to do next."""
        if self._step is None:
            self._step = self._decide()
        return self._step

    def observe(self, observation: Observation) -> None:
        """Take in what a window showed; also of candidates that were not asked for.

        Raises:
            PolicyError: latency or power is not a positive number, or the candidate is unknown.
        """
        candidate = self._measure(observation)
        asked = self._step
        if isinstance(asked, Settled | Infeasible):
            return
        if isinstance(asked, Probe) and asked.candidate == observation.candidate:
            self._count_probe(candidate)
        if isinstance(asked, Confirm) and asked.candidate == observation.candidate:
            self._judge_confirmation(candidate, observation)
        self._step = None

    def load_changed(self, incumbent: Observation) -> None:
        """Begin anew from what is known, shifted by how the incumbent changed (warm restart).

        Raises:
            PolicyError: as `observe`.
        """
        index = self._index_of(incumbent)
        before = next((r for r in self._context if r.candidate == index), None)
        if before is None and self._context:
            forecast = self._believe().forecast
            before = Reading(
                index, float(forecast.latency_log[0, index]), float(forecast.power_log[0, index])
            )
        if before is not None:
            moved = math.log(incumbent.latency_ms) - before.latency_log
            self._context = shift(
                self._context, moved, math.log(incumbent.power_w) - before.power_log
            )
            self._doubt = math.hypot(self._doubt, _SHIFT_DOUBT * moved)
            self._warm = True
        self._forget()
        self._measure(incumbent)

    def predictions(self) -> tuple[Prediction, ...]:
        """What is believed of every candidate; empty before the first observation."""
        if not self._context:
            return ()
        forecast = self._believe().forecast
        columns = (
            np.exp(forecast.latency_log[0]),
            forecast.latency_sigma[0],
            np.exp(forecast.power_log[0]),
            forecast.power_sigma[0],
        )
        return tuple(
            Prediction(candidate, *(float(column[i]) for column in columns))
            for i, candidate in enumerate(self._candidates)
        )

    def _forget(self) -> None:
        sigma = np.asarray([self._settings.window_sigma])
        self._evidence = no_evidence(sigma, len(self._candidates))
        self._n_probes = 0
        self._unsafe: frozenset[int] = frozenset()
        self._committed = False
        self._settled: int | None = None
        self._n_confirmed = 0.0
        self._step = None
        self._belief = None

    def _index_of(self, observation: Observation) -> int:
        index = self._index.get(observation.candidate)
        numbers = (observation.latency_ms, observation.power_w, observation.n_windows)
        if index is None or not all(math.isfinite(x) and x > 0.0 for x in numbers):
            raise PolicyError(
                f"told {observation}",
                "the candidate is not one of this search, or a number is not positive and finite",
                "leave such a window out",
            )
        return index

    def _measure(self, observation: Observation) -> int:
        index = self._index_of(observation)
        self._evidence = add_reading(
            self._evidence,
            index,
            math.log(observation.latency_ms),
            math.log(observation.power_w),
            n_windows=observation.n_windows,
            ruled_out=observation.cut_short,
        )
        self._context = remember(self._context, reading_of(self._evidence, index))
        self._belief = None
        return index

    def _count_probe(self, candidate: int) -> None:
        self._n_probes += 1
        verdicts = self._verdicts()
        if verdicts.over[0, candidate] and verdicts.incumbent[0] >= 0:
            self._unsafe |= {candidate}

    def _judge_confirmation(self, candidate: int, observation: Observation) -> None:
        self._n_confirmed += observation.n_windows
        verdicts = self._verdicts()
        is_good = outcome(
            self._n_confirmed,
            self._settings.confirm_windows,
            is_accepted=bool(verdicts.accepted[0, candidate]),
            is_refused=bool(verdicts.refused[0, candidate]),
            is_over=bool(verdicts.over[0, candidate]),
        )
        if is_good:
            self._settled = candidate
        elif is_good is False:
            self._evidence = rule_out(self._evidence, candidate)
            self._n_confirmed = 0.0

    def _decide(self) -> Step:
        if self._settled is not None:
            return Settled(
                self._candidates[self._settled],
                f"kept the target over {self._n_confirmed:.1f} windows of confirmation",
            )
        verdicts = self._verdicts()
        if verdicts.incumbent[0] < 0:
            return self._widen(verdicts)
        return self._narrow(verdicts)

    def _widen(self, verdicts: Verdicts) -> Step:
        """Look for anything that keeps the target."""
        unmeasured = [i for i in self._widest if not self._evidence.measured[0, i]]
        if not self._context or (unmeasured and not self._warm):
            return self._probe(unmeasured[0], "widest first")
        open_ = ~verdicts.refused[0] & (self._evidence.n_windows[0] < MAX_WINDOWS)
        if self._n_probes < self._settings.max_probes and open_.any():
            wider = choose_wider(
                self._believe(), open_, unmeasured, warm=self._warm, n_probes=self._n_probes
            )
            if wider is not None:
                return self._probe(*wider)
        latency = np.where(self._evidence.measured[0], self._evidence.latency_log[0], np.inf)
        fastest = int(latency.argmin())
        if not verdicts.over[0, fastest]:
            return self._confirm(self._candidates[fastest], "nearly at the target")
        return Infeasible(
            self._candidates[fastest],
            f"nothing kept the target in {self._n_probes} probes; this was the fastest",
        )

    def _narrow(self, verdicts: Verdicts) -> Step:
        """Look for something cheaper than what keeps the target, or confirm that."""
        incumbent = fewest_of_equals(self._candidates, self._evidence, verdicts)
        why = self._why_stop()
        if why is None:
            situation, rule = self._situation(verdicts), self._settings.probe_rule
            probe = choose_probe(situation, self._features, self._brain, rule)
            if probe is not None:
                return self._probe(probe[0], f"{probe[1]} over {incumbent}")
            why = "nothing promises enough to be worth a probe"
        self._committed = True
        return self._confirm(incumbent, f"the cheapest accepted; {why}")

    def _confirm(self, candidate: Candidate, why: str) -> Confirm:
        """Ask for the next part of a confirmation."""
        part = next_part(self._n_confirmed, self._settings.confirm_windows)
        return Confirm(candidate, part, why)

    def _why_stop(self) -> str | None:
        if self._committed:
            return "the search had ended"
        if self._n_probes >= self._settings.max_probes:
            return f"all {self._n_probes} probes are spent"
        if self._unsafe and len(self._unsafe) >= self._settings.max_unsafe_probes:
            return f"{len(self._unsafe)} probes were above the target"
        return None

    def _situation(self, verdicts: Verdicts) -> Situation:
        belief = self._believe()
        return Situation(
            belief=belief,
            evidence=self._evidence,
            verdicts=verdicts,
            spent=spent_by_one(self._settings, self._n_probes, len(self._unsafe)),
            n_cpus=self._n_cpus,
            eligible=belief.p_feasible >= self._settings.min_p_feasible,
        )

    def _probe(self, candidate: int, reason: str) -> Probe:
        p_feasible = float(self._believe().p_feasible[0, candidate]) if self._context else 0.5
        if self._evidence.measured[0, candidate]:
            reason = "one window did not decide"
        return Probe(self._candidates[candidate], p_feasible, 1.0, reason)

    def _verdicts(self) -> Verdicts:
        return judge(self._evidence, self._target_log)

    def _believe(self) -> Belief:
        if self._belief is None:
            probes, mask = lay_probes(self._features, self._context)
            forecast = self._brain.forecast(self._features[np.newaxis], probes, mask)
            doubted = np.hypot(forecast.latency_sigma, self._doubt)
            forecast = Forecast(
                forecast.latency_log, doubted, forecast.power_log, forecast.power_sigma
            )
            if self._recorded is not None:
                forecast = self._recorded.join(forecast, self._context)
            self._belief = believe(forecast, self._evidence, self._target_log)
        return self._belief
