"""Whether a policy may be asked about a job: it failed, or its predictions are far off."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from components.executor.calibration import Calibration
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from components.executor.search_session import Searching
    from components.jobs.candidate import Candidate
    from components.policy.brain import Brain
    from components.policy.steps import Observation

log = logging.getLogger(__name__)

FIRST_RETRY_S = 60.0
LAST_RETRY_S = 3600.0


class PolicyTrust:
    """What one job's experience says of the policy in force."""

    def __init__(self) -> None:
        self.calibration = Calibration()
        self.distrust: str | None = None
        """Why the policy is not asked now; None while it is."""
        self._digest: str | None = None
        self._forget()

    def _forget(self) -> None:
        self.calibration.clear()
        self.distrust = None
        self._n_failures = 0
        self._retry_at_s = -math.inf

    def may_ask(self, brain: Brain, at_s: float) -> bool:
        """Whether a search may be opened; another policy begins with a clean sheet."""
        if brain.digest != self._digest:
            self._digest = brain.digest
            self._forget()
        return at_s >= self._retry_at_s

    @property
    def may_ask_again(self) -> bool:
        """Whether it may be asked again at all before another policy comes."""
        return self._retry_at_s < math.inf

    def failed(self, at_s: float, reason: str) -> None:
        """It answered with something unusable: it is asked again later, and ever later."""
        wait_s = min(FIRST_RETRY_S * 2.0**self._n_failures, LAST_RETRY_S)
        self._n_failures += 1
        self._retry_at_s = at_s + wait_s
        self.distrust = f"{reason}; asked again in {wait_s:.0f} s"

    def watch(
        self, session: Searching, observation: Observation, known: frozenset[Candidate]
    ) -> None:
        """Compare what a first look at a candidate shows with what was predicted of it.

        Raises:
            PolicyError: the policy cannot predict.
        """
        if observation.candidate in known or not session.knows(observation.candidate):
            return
        self.calibration.compare(session.predictions(), observation)
        if self.calibration.is_off:
            self._retry_at_s = math.inf
            seen = self.calibration.report()
            self.distrust = (
                f"the policy does not know such a node: of {seen.n} predictions half were off by "
                f"more than {seen.median_abs_log_error:.0%}"
            )
            raise PolicyError(
                "asked the policy for predictions", self.distrust, "retrain with this node's class"
            )
