"""The search for a job's best candidate: one window at a time, safe while it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.jobs.candidate import Candidate, Prediction
    from components.jobs.target import Target
    from components.node.topology import Topology
    from components.policy.brain import Brain
    from components.policy.steps import Observation, Step


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How careful a search is."""

    max_probes: int = 12
    """Windows spent on probes, repeats included, confirmation not."""
    max_unsafe_probes: int = 2
    """Candidates seen above the target before the search stops narrowing."""
    min_p_feasible: float = 0.5
    """A probe narrower than what is accepted needs at least this probability to keep the target."""
    confirm_windows: int = 10
    """Length of the confirmation, in windows."""
    window_sigma: float = 0.005
    """Expected σ of the log latency from one window to the next, before any repeat was seen."""
    probe_rule: str | None = None
    """`learned` or `expected-improvement`; None: the bundle's own."""


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
        raise NotImplementedError

    def next(self) -> Step:
        """What to do next."""
        raise NotImplementedError

    def observe(self, observation: Observation) -> None:
        """Take in what a window showed; also of candidates that were not asked for.

        Raises:
            PolicyError: latency or power is not a positive number, or the candidate is unknown.
        """
        raise NotImplementedError

    def load_changed(self, incumbent: Observation) -> None:
        """Begin anew from what is known, shifted by how the incumbent changed (warm restart)."""
        raise NotImplementedError

    def predictions(self) -> tuple[Prediction, ...]:
        """What is believed of every candidate; empty before the first observation."""
        raise NotImplementedError
