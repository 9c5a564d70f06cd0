"""A challenger that predicts beside the champion, and decides nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.executor.calibration import Calibration
from components.executor.search_session import SearchSession
from components.executor.seen import observation_of
from components.policy.errors import PolicyError
from components.policy.search import SearchSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from components.executor.job_run import JobRun
    from components.executor.window import ClosedWindow
    from components.jobs.candidate import Candidate
    from components.jobs.target import Target
    from components.node.topology import Topology
    from components.policy.brain import Brain
    from components.policy.steps import Observation

log = logging.getLogger(__name__)


class Shadow:
    """One job as a challenger sees it."""

    def __init__(
        self,
        brain: Brain,
        topology: Topology,
        candidates: Sequence[Candidate],
        target: Target,
        known: Iterable[Observation],
    ) -> None:
        self.brain = brain
        self.calibration = Calibration()
        self.candidates = tuple(candidates)
        self._known = set()
        self._session: SearchSession | None = None
        known = tuple(known)
        try:
            self._session = SearchSession(
                brain, topology, candidates, target, SearchSettings(), known
            )
        except PolicyError as error:
            log.warning("the challenger cannot be asked: %s", error)
        self._known = {observation.candidate for observation in known}

    def observe(self, window: ClosedWindow, candidate: Candidate | None, target: Target) -> None:
        """Compare a first look at a candidate with what was predicted of it, then learn it."""
        observation = observation_of(window, candidate, None, target)
        session = self._session
        if observation is None or session is None or not session.knows(observation.candidate):
            return
        if observation.candidate in self._known:
            return
        try:
            self.calibration.compare(session.predictions(), observation)
            session.learn(observation)
        except PolicyError as error:
            log.warning("the challenger failed: %s", error)
            self._session = None
        self._known.add(observation.candidate)


def follow_shadow(run: JobRun, challenger: Brain | None, topology: Topology, at_s: float) -> None:
    """Give a job the shadow of the challenger there is now, if there is one."""
    if challenger is None:
        run.shadow = None
        return
    candidates = run.decision.candidates
    known = run.shadow
    if known is not None and known.brain is challenger and known.candidates == candidates:
        return
    if candidates:
        retold = run.decision.memory.to_retell(at_s)
        shadow = Shadow(challenger, topology, candidates, run.job.target, retold)
        if known is not None and known.brain is challenger:
            shadow.calibration = known.calibration
        run.shadow = shadow
