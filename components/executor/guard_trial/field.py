"""The whole field: every policy on the reference node and on drawn ones."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.executor.guard_trial.hostile import (
    least_policy,
    nan_policy,
    oscillating_policy,
    random_policy,
    tempting_policy,
    worst_policy,
)
from components.executor.guard_trial.table import CHOICE_WITHIN_S, KEPT_SAVING, Row, row_of
from components.executor.guard_trial.trial import Trial, run_trial
from components.executor.search_session import SearchSession
from components.executor.settings import ExecutorSettings
from components.madeup.populations import EVALUATION_FAMILIES, TRAINING_FAMILIES, draw
from components.madeup.reference_node import reference_surface
from components.planning.guard import Rule, Ruling, guard
from components.policy.brain import load_brain
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.executor.guard_trial.trial import Outcome
    from components.executor.search_session import OpenSearch
    from components.jobs.candidate import Candidate
    from components.madeup.surface import MadeUpSurface
    from components.planning.evidence import Evidence
    from components.planning.guard import Limits, Situation
    from components.planning.wish import Planned

REAL, UNGUARDED = "the shipped policy", "… without a guard"
HOSTILE = ("random", "least CPUs", "oscillating", "NaN now and then", "worst", "tempting")
KINDS = (REAL, UNGUARDED, *HOSTILE)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of all trials."""

    rows: tuple[Row, ...]
    kept_saving: float | None
    """Of the real policy, against the same without a guard; None where not both were tried."""
    reference_choice_s: float | None
    """Until the real policy's first choice was in force on the reference node."""

    @property
    def holds(self) -> bool:
        """Whether the guard kept every promise that was tried."""
        safe = all(row.holds for row in self.rows if row.policy != UNGUARDED)
        kept = self.kept_saving is None or self.kept_saving >= KEPT_SAVING
        seconds = self.reference_choice_s
        quick = self.kept_saving is None or (seconds is not None and seconds <= CHOICE_WITHIN_S)
        return safe and kept and quick


def try_all(
    n_windows: int,
    n_nodes: int,
    seed: int,
    kinds: Sequence[str],
    say: Callable[[str], None],
    settings: ExecutorSettings | None = None,
) -> Result:
    """Try policies, each over so many windows spread over so many nodes."""
    settings = settings or ExecutorSettings(tick_s=2.0, settle_s=2.0, holdback_share=0.0)
    brain = load_brain(default_bundle())
    surfaces = nodes_of(n_nodes, seed)
    per_window = round(settings.window_s / settings.tick_s)
    settle = round(settings.settle_s / settings.tick_s)
    outcomes: dict[str, list[Outcome]] = {}
    for kind in kinds:
        outcomes[kind] = []
        for number, surface in enumerate(surfaces):
            trial = Trial(
                surface,
                open_search_of(kind, surface, seed + number),
                unguarded if kind == UNGUARDED else guard,
                max(n_windows // n_nodes, 1),
                seed + number,
            )
            with tempfile.TemporaryDirectory() as folder:
                outcome = run_trial(trial, brain, settings, Path(folder))
            outcomes[kind].append(outcome)
            say(
                f"{kind} on {surface.name}: {outcome.judge.n_missed} of "
                f"{outcome.judge.n_windows} windows missed, saving {outcome.judge.saving:.1%}"
            )
    rows = {kind: row_of(kind, outcomes[kind], per_window, settle) for kind in kinds}
    both = REAL in rows and UNGUARDED in rows
    kept = rows[REAL].saving / rows[UNGUARDED].saving if both else None
    choice_s = outcomes[REAL][0].settled_after_s if REAL in rows else None
    return Result(tuple(rows.values()), kept, choice_s)


def nodes_of(n_nodes: int, seed: int) -> tuple[MadeUpSurface, ...]:
    """The reference node, then drawn ones of all families in turn that can keep their target."""
    surfaces = [reference_surface()]
    families = (*TRAINING_FAMILIES, *EVALUATION_FAMILIES)
    drawn = {family: iter(draw(family, seed, 4 * n_nodes)) for family in families}
    while len(surfaces) < n_nodes:
        family = families[(len(surfaces) - 1) % len(families)]
        surface = next(drawn[family])
        if surface.topology.n_logical > 4:  # on smaller ones there is hardly anything to choose
            surfaces.append(surface)
    return tuple(surfaces)


def open_search_of(kind: str, surface: MadeUpSurface, seed: int) -> OpenSearch:
    """The policy of a name; those that know the truth know it at the load that was drawn."""

    def truth_ms(candidate: Candidate) -> float:
        return float(surface.latency_ms([candidate])[0])

    policies: dict[str, Callable[[], OpenSearch]] = {
        "random": lambda: random_policy(seed),
        "least CPUs": least_policy,
        "oscillating": oscillating_policy,
        "NaN now and then": lambda: nan_policy(seed),
        "worst": lambda: worst_policy(truth_ms),
        "tempting": lambda: tempting_policy(truth_ms, surface.target_ms),
    }
    return policies[kind]() if kind in policies else SearchSession


def unguarded(
    planned: Planned | None,
    situation: Situation,
    limits: Limits,  # noqa: ARG001 - the port says it
    evidence: Evidence,  # noqa: ARG001
) -> Ruling:
    """Let everything through: what a policy would do alone."""
    if planned is None:
        return Ruling(situation.current, None, Rule.AS_PLANNED, "nothing is to change")
    allocation = planned.allocation
    return Ruling(allocation.cpus, allocation, Rule.AS_PLANNED, "no guard")
