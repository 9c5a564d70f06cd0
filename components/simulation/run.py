"""One scenario and seed, all contenders."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.simulation.baselines.controllers import adjusting_baselines
from components.simulation.baselines.fixed import fixed_baselines
from components.simulation.cast import draw_cast
from components.simulation.oracle import Oracle
from components.simulation.piloted import play_joulepilot
from components.simulation.play import play
from components.simulation.score import OURS, PER_JOB, score
from components.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.policy.brain import Brain
    from components.simulation.play import Record
    from components.simulation.recorded import RecordedSurface
    from components.simulation.scenario import Scenario
    from components.simulation.score import Score
    from components.solver.problem import Problem, Solution


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a scenario with a seed."""

    scenario: str
    seed: int
    records: tuple[Record, ...]
    scores: tuple[Score, ...]
    oracle_gap: float | None
    """Largest gap that the solver left to the oracle's plans; None where it was not asked."""


def simulate(
    scenario: Scenario,
    seed: int,
    brain: Brain,
    *,
    solve: Callable[[Problem], Solution] | None = None,
    with_per_job: bool = True,
    recordings: Sequence[RecordedSurface] = (),
) -> Outcome:
    """Let every contender decide the same scenario.

    Args:
        scenario: what happens.
        seed: of node, jobs and noise.
        brain: joulepilot's policy.
        solve: proves the oracle's plans; None: they are greedy.
        with_per_job: whether joulepilot without the joint plan is played too; it takes longest.
        recordings: what the jobs answer like; none: made-up families.

    Raises:
        ScenarioError: as `draw_cast`.
        SolverError: see SolverProcess.
    """
    world = World(draw_cast(scenario, seed, recordings))
    oracle = Oracle(world, solve)
    contenders = (*fixed_baselines(), *adjusting_baselines(), oracle)
    records = [play(world, contender) for contender in contenders]
    ours = [(PER_JOB, False)] if with_per_job else []
    for name, is_joint in (*ours, (OURS, True)):
        with tempfile.TemporaryDirectory(prefix="joulepilot-simulate-") as home:
            records.append(play_joulepilot(world, brain, Path(home), name=name, is_joint=is_joint))
    gap = max(oracle.gaps, default=None)
    return Outcome(scenario.name, seed, tuple(records), score(records), gap)
