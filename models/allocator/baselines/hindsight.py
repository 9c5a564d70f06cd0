"""Choices that only somebody who knows the truth can make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.allocator.arena import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.allocator.arena import Case, Read, Task


@dataclass(frozen=True, slots=True)
class Hindsight:
    """Says what was worked out from the truth; one entry per case and target."""

    name: str
    decisions: Mapping[tuple[str, float], Decision]

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - knows already
        """Look it up."""
        return self.decisions[task.name, task.target_ms]


def oracle(cases: Sequence[Case]) -> Hindsight:
    """The best there is: nothing can be better."""
    return Hindsight("oracle", {(c.name, c.target_ms): _best(c) for c in cases})


def static_best(cases: Sequence[Case]) -> Hindsight:
    """One allocation a node for all its targets: the best for the strictest that can be met."""
    decisions = {}
    for case in cases:
        fastest_ms = float(case.latency_ms.min())
        targets_ms = {case.target_ms, *case.node_targets_ms}
        strictest_ms = min((t for t in targets_ms if t >= fastest_ms), default=case.target_ms)
        chosen = _best(replace(case, target_ms=strictest_ms))
        decisions[case.name, case.target_ms] = chosen
    return Hindsight("static, best over the targets", decisions)


def _best(case: Case) -> Decision:
    return Decision(case.candidates[case.best], infeasible=not case.feasible.any())
