"""One search of one job, and the bookkeeping around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from components.executor.sampling import image_of
from components.policy.recorded import JobKey
from components.policy.search import Search, SearchSettings
from components.policy.steps import Confirm, Probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from components.executor.jobs_in_charge import Managed
    from components.jobs.candidate import Candidate, Prediction
    from components.jobs.target import Target
    from components.node.topology import Topology
    from components.policy.brain import Brain
    from components.policy.steps import Observation, Step

_WAITING_WINDOWS = 2
"""Windows of what is in force that a search is told while it waits for its turn to probe."""


class Searching(Protocol):
    """What decides for one job, window by window; the guard trusts none of it.

    Raises PolicyError, from every method, when it answers with something unusable.
    """

    @property
    def brain(self) -> Brain:
        """The policy in force."""
        ...

    @property
    def step(self) -> Step:
        """What it asks for."""
        ...

    def knows(self, candidate: Candidate) -> bool:
        """Whether a candidate is one of this search."""
        ...

    def tell(self, observation: Observation) -> bool:
        """Tell what was seen; whether it was of use, so that `step` may have changed."""
        ...

    def load_changed(self, incumbent: Observation) -> None:
        """Begin anew at another load."""
        ...

    def predictions(self) -> tuple[Prediction, ...]:
        """What is believed of every candidate; empty while nothing was seen."""
        ...


class OpenSearch(Protocol):
    """Opens a search; another one than `SearchSession` puts another policy behind the guard."""

    def __call__(
        self,
        brain: Brain,
        topology: Topology,
        candidates: Sequence[Candidate],
        target: Target,
        settings: SearchSettings,
        known: Iterable[Observation],
    ) -> Searching:
        """Begin a search, told what is known already."""
        ...


class SearchSession:
    """A search that was told what is known, and what it asked for since.

    Raises PolicyError, from every method, when the policy answers with something unusable.
    """

    def __init__(
        self,
        brain: Brain,
        topology: Topology,
        candidates: Sequence[Candidate],
        target: Target,
        settings: SearchSettings,
        known: Iterable[Observation],
    ) -> None:
        self.brain = brain
        self._candidates = frozenset(candidates)
        self._search = Search(brain, topology, candidates, target, settings)
        self._n_unasked = 0
        for observation in known:
            if observation.candidate in self._candidates:
                self._search.observe(observation)

    @property
    def step(self) -> Step:
        """What the search asks for."""
        return self._search.next()

    def knows(self, candidate: Candidate) -> bool:
        """Whether a candidate is one of this search."""
        return candidate in self._candidates

    def tell(self, observation: Observation) -> bool:
        """Tell what was asked for, or a little of what is in force meanwhile; whether it heard."""
        step = self._search.next()
        asked = isinstance(step, Probe | Confirm) and step.candidate == observation.candidate
        if not asked:
            if self._n_unasked >= _WAITING_WINDOWS or not self.knows(observation.candidate):
                return False
            self._n_unasked += 1
        self._search.observe(observation)
        return True

    def learn(self, observation: Observation) -> None:
        """Take in what was seen, asked for or not."""
        self._search.observe(observation)

    def load_changed(self, incumbent: Observation) -> None:
        """Begin anew, what was measured shifted by what the load did to the incumbent."""
        self._n_unasked = 0
        self._search.load_changed(incumbent)

    def predictions(self) -> tuple[Prediction, ...]:
        """What is believed of every candidate."""
        return self._search.predictions()


def search_settings(managed: Managed, node: str, confirm_windows: int) -> SearchSettings:
    """How bold the search of a job may be, and whose search it is.

    Its key is what samples call it, so that what was recorded of it is found again.
    """
    job = managed.job
    return SearchSettings(
        max_unsafe_probes=job.probe_max_misses,
        min_p_feasible=job.probe_min_p,
        confirm_windows=confirm_windows,
        job=JobKey(
            node=node,
            image=image_of(managed.container),
            model=job.model,
            batch_size=job.batch_size,
            statistic=job.target.statistic.value,
        ),
    )
