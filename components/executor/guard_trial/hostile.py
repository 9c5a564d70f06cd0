"""Policies that nobody should have let in, for trials of the guard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from components.executor.search_session import SearchSession
from components.jobs.candidate import Prediction
from components.policy.steps import Confirm, Probe, Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from components.executor.search_session import OpenSearch, Searching
    from components.jobs.candidate import Candidate
    from components.jobs.target import Target
    from components.node.topology import Topology
    from components.policy.brain import Brain
    from components.policy.search import SearchSettings
    from components.policy.steps import Observation, Step

N_CONFIRM = 10


class HostileSearch:
    """A search that asks for what `choose` says and believes that everything is fine.

    Its predictions flatter: half the target, and very sure of it.
    """

    def __init__(
        self,
        choose: Callable[[HostileSearch], Step],
        brain: Brain,
        candidates: Sequence[Candidate],
        target: Target,
    ) -> None:
        self.brain = brain
        self.candidates = tuple(sorted(candidates))
        self.told: set[Candidate] = set()
        self.n_told = 0
        self._choose = choose
        self._target = target
        self.step: Step = choose(self)

    def knows(self, candidate: Candidate) -> bool:
        """Whether a candidate is one of this search."""
        return candidate in self.candidates

    def tell(self, observation: Observation) -> bool:
        """Take note, and want something else."""
        self.told.add(observation.candidate)
        self.n_told += 1
        self._next()
        return True

    def load_changed(self, incumbent: Observation) -> None:
        """Forget everything."""
        self.told = {incumbent.candidate}
        self._next()

    def predictions(self) -> tuple[Prediction, ...]:
        """Flatter."""
        ms = self._target.latency_ms / 2
        return tuple(Prediction(c, ms, 1e-3, 10.0 * c.n_cpus, 1e-3) for c in self.candidates)

    def _next(self) -> None:
        self.step = self._choose(self)


@dataclass(frozen=True, slots=True)
class Opens:
    """Opens hostile searches, as the executor asks for them."""

    choose: Callable[[HostileSearch], Step]

    def __call__(
        self,
        brain: Brain,
        topology: Topology,  # noqa: ARG002 - the port says it
        candidates: Sequence[Candidate],
        target: Target,
        settings: SearchSettings,  # noqa: ARG002
        known: Iterable[Observation],  # noqa: ARG002
    ) -> Searching:
        """Open one."""
        return HostileSearch(self.choose, brain, candidates, target)


@dataclass(frozen=True, slots=True)
class OpensNan:
    """Opens real searches whose graphs answer NaN to a share of the questions."""

    rng: np.random.Generator
    share: float

    def __call__(
        self,
        brain: Brain,
        topology: Topology,
        candidates: Sequence[Candidate],
        target: Target,
        settings: SearchSettings,
        known: Iterable[Observation],
    ) -> Searching:
        """Open one; the executor is shown the brain it asked for."""

        def sometimes(feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
            answer = brain.predictor(feeds)
            if self.rng.random() >= self.share:
                return answer
            return {name: np.full_like(value, np.nan) for name, value in answer.items()}

        ill = replace(brain, predictor=sometimes)
        session = SearchSession(ill, topology, candidates, target, settings, known)
        session.brain = brain
        return session


def random_policy(seed: int) -> OpenSearch:
    """Ask for anything: a probe, a confirmation or a commitment of any candidate."""
    rng = np.random.default_rng(seed)

    def choose(search: HostileSearch) -> Step:
        candidate = search.candidates[int(rng.integers(len(search.candidates)))]
        return _asked(candidate, int(rng.integers(3)))

    return Opens(choose)


def least_policy() -> OpenSearch:
    """Always want the fewest CPUs."""
    return Opens(lambda search: Settled(search.candidates[0], "as few as can be"))


def oscillating_policy() -> OpenSearch:
    """Want all CPUs and the fewest in turn."""

    def choose(search: HostileSearch) -> Step:
        return Settled(search.candidates[-(search.n_told % 2)], "and back again")

    return Opens(choose)


def nan_policy(seed: int, share: float = 0.3) -> OpenSearch:
    """Search well, but for the answers that are no numbers."""
    return OpensNan(np.random.default_rng(seed), share)


def worst_policy(true_latency_ms: Callable[[Candidate], float]) -> OpenSearch:
    """Know the truth, and want the slowest candidate that was not tried yet."""

    def choose(search: HostileSearch) -> Step:
        untold = [c for c in search.candidates if c not in search.told] or search.candidates
        return _asked(max(untold, key=true_latency_ms), search.n_told % 3)

    return Opens(choose)


def tempting_policy(true_latency_ms: Callable[[Candidate], float], target_ms: float) -> OpenSearch:
    """Know the truth, and want what misses the target by so little that it is hard to see."""

    def choose(search: HostileSearch) -> Step:
        slower = [c for c in search.candidates if true_latency_ms(c) > target_ms]
        untold = [c for c in slower if c not in search.told] or slower or search.candidates
        return _asked(min(untold, key=true_latency_ms), search.n_told % 3)

    return Opens(choose)


def _asked(candidate: Candidate, kind: int) -> Step:
    if kind == 0:
        return Probe(candidate, 1.0, 1.0, "says a policy nobody should trust")
    if kind == 1:
        return Confirm(candidate, N_CONFIRM, "says a policy nobody should trust")
    return Settled(candidate, "says a policy nobody should trust")
