"""One policy behind one guard on one made-up node, at accelerated time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.actuation.journal import Journal
from components.executor.errors import NothingToRollBackError
from components.executor.followed import Followed
from components.executor.guard_trial.judge import Instant, Judge
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.ports import KeptEvents
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.node import REFERENCE_RATE_PER_S, node_of
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from pathlib import Path

    from components.executor.job_run import JobRun
    from components.executor.search_session import OpenSearch
    from components.executor.settings import ExecutorSettings
    from components.madeup.surface import MadeUpSurface
    from components.planning.guard import GuardRule
    from components.policy.brain import Brain

JOB = "job"
LOAD_WINDOWS = 500
"""The load changes, on average, every so many windows."""
LOWEST_LOAD, HIGHEST_LOAD = 0.7, 1.2
"""Factors on the load the surface was drawn for."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried."""

    surface: MadeUpSurface
    open_search: OpenSearch
    guard: GuardRule
    n_windows: int
    seed: int
    is_load_steady: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    judge: Judge
    settled_after_s: float | None
    """When the first choice was in force, to be confirmed; None: never."""
    n_moves: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """Follows nothing: one policy, from the beginning to the end."""

    followed: Followed

    def current(self) -> Followed:
        """The policy under trial."""
        return self.followed

    def reject(self, digest: str, reason: str) -> None:
        """There is no challenger."""

    def roll_back(self) -> str:
        """Refuse: there is nothing to go back to.

        Raises:
            NothingToRollBackError: always.
        """
        raise NothingToRollBackError(
            "asked to roll back in a trial", "one policy decides all along", "try another policy"
        )


def run_trial(trial: Trial, brain: Brain, settings: ExecutorSettings, folder: Path) -> Outcome:
    """Let an executor run on the surface's node, and judge it by the node's truth."""
    node = node_of(folder / "node", trial.surface, seed=trial.seed)
    twin = node_of(folder / "twin", trial.surface, seed=trial.seed)
    executor = Executor(
        ports_of(node, "trial"),
        publisher=KeptEvents(most=10),
        journal=Journal(folder / "journal.json"),
        store=StateStore(folder / "state.json"),
        in_charge=JobsInCharge(folder / "jobs.toml", LiveOverrides(folder / "overrides.json")),
        following=Fixed(Followed(brain=brain)),
        settings=settings,
        open_search=trial.open_search,
        guard=trial.guard,
    )
    rng = np.random.default_rng([trial.seed, trial.n_windows])
    per_window = round(settings.window_s / settings.tick_s)
    sigma = trial.surface.noise * np.sqrt(10.0 / settings.window_s)
    judge = Judge(trial.surface.target_ms, float(sigma), per_window)
    settled_after_s, n_moves, cpus = None, 0, node.topology.ids
    for _ in range(trial.n_windows * per_window):
        if not trial.is_load_steady and rng.random() < 1 / (LOAD_WINDOWS * per_window):
            factor = float(rng.uniform(LOWEST_LOAD, HIGHEST_LOAD))
            for one in (node, twin):
                one.set_rate(JOB, REFERENCE_RATE_PER_S * factor)
        executor.tick()
        judge.see(
            Instant(
                node.true_latency_ms(JOB),
                twin.true_latency_ms(JOB),
                node.true_power_w(),
                twin.true_power_w(),
            )
        )
        run = executor.roster.runs[JOB]
        n_moves += run.in_force.cpus != cpus
        cpus = run.in_force.cpus
        if settled_after_s is None and _has_chosen(run):
            settled_after_s = node.clock.monotonic_s()
        for one in (node, twin):
            one.clock.sleep(settings.tick_s)
    return Outcome(judge, settled_after_s, n_moves)


def _has_chosen(run: JobRun) -> bool:
    """Whether what the search ended with is in force, if only to be confirmed."""
    is_asked = run.decision.step is not None and (
        run.decision.step.candidate == run.in_force.candidate
    )
    return is_asked and run.in_force.arm is not Arm.PROBE and run.in_force.is_placed
