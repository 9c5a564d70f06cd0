"""What a plan for all jobs gave one of them and the guard refused: not to be planned on at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.jobs.candidate import Candidate

REMEMBER_S = 60.0
"""By then more was measured, and the guard may think otherwise."""


class Refusals:
    """Of all jobs of a node.

    Without them the same plan is made again and again, and whoever was to get the CPUs of a job
    that may not leave them waits for good.
    """

    def __init__(self) -> None:
        self._until_s: defaultdict[str, dict[Candidate, float]] = defaultdict(dict)

    def note(self, job: str, candidate: Candidate, at_s: float) -> None:
        """Remember a candidate that was refused."""
        self._until_s[job][candidate] = at_s + REMEMBER_S

    def of(self, job: str, at_s: float) -> frozenset[Candidate]:
        """What was refused of late."""
        known = {c: until_s for c, until_s in self._until_s[job].items() if until_s > at_s}
        self._until_s[job] = known
        return frozenset(known)
