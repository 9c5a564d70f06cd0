"""Whose turn it is on this node: champion, challenger (a canary) or nobody (the holdback).

Only the power of the whole node is measured, so all its jobs change arms together, in blocks.
"""

from __future__ import annotations

import logging
import random
from enum import StrEnum
from typing import TYPE_CHECKING

from components.executor.block import Gathered, are_settled, open_block
from components.executor.deciding import Change
from components.planning.comparison import Comparison, Standing
from components.planning.wish import Purpose
from components.telemetry.heartbeat import ExperimentStatus
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from components.executor.followed import Followed
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.executor.settings import ExecutorSettings
    from components.executor.window import ClosedWindow
    from components.planning.comparison import Block
    from components.policy.brain import Brain

log = logging.getLogger(__name__)

BLOCKS_BEFORE_HOLDBACK = 10
"""So many blocks after all jobs have settled, before the first may be a holdback."""
NOBODYS = Purpose.KEEP
"""An arm of an experiment is nobody's wish."""


class Turn(StrEnum):
    """Who decides in a block."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    BASELINE = "baseline"
    """Every job has its original CPUs."""


class Arms:
    """Takes turns, in randomised blocks, and holds what came of them against each other."""

    def __init__(self, settings: ExecutorSettings, seed: int | None = None) -> None:
        self._block_s = settings.block_windows * settings.window_s
        self._share = settings.holdback_share
        self._random = random.Random(seed)  # noqa: S311 - a coin, no secret
        self.turn = Turn.CHAMPION
        self.challenger: Brain | None = None
        self.comparison = Comparison()
        self._until_s: float | None = None
        self._gathered: Gathered | None = None
        self._first: Block | None = None
        self._n_settled = 0
        self._n_blocks = {Turn.CHAMPION: 0, Turn.BASELINE: 0}

    @property
    def is_canary(self) -> bool:
        """Whether champion and challenger take turns."""
        return self.challenger is not None and not self.comparison.standing.is_over

    @property
    def is_baseline(self) -> bool:
        """Whether nobody decides in this block."""
        return self.turn is Turn.BASELINE

    def brain(self, followed: Followed) -> Brain | None:
        """The policy whose turn it is."""
        return self.challenger if self.turn is Turn.CHALLENGER else followed.brain

    def follow(self, followed: Followed, executor: Executor) -> None:
        """Take in what the release log says of a challenger."""
        wanted = followed.challenger
        if (None if wanted is None else wanted.digest) == (
            None if self.challenger is None else self.challenger.digest
        ):
            return
        self._to(Turn.CHAMPION, executor)
        self._until_s = self._gathered = self._first = None
        before, self.challenger = self.challenger, wanted
        self.comparison = Comparison()
        is_promoted = before is not None and before is followed.brain
        for run in executor.runs:
            if is_promoted and run.rival is not None:
                run.decision, run.fulfils = run.rival, -1  # it need not search again
            run.rival = None
        if wanted is not None:
            log.info("canary: %s is compared with what decides", wanted.digest[:12])

    def note(self, run: JobRun, window: ClosedWindow) -> None:
        """Take in a closed window."""
        if self._gathered is not None and run.acts:
            self._gathered.note(run, window)

    def step(self, executor: Executor, at_s: float) -> None:
        """End the block when it is over, and begin the next."""
        acting = [run for run in executor.runs if run.acts]
        is_free = bool(acting) and not (executor.is_paused or executor.sweeping.is_running)
        if not is_free or not executor.has_policy:
            self._abandon(executor)
            return
        if self._until_s is not None and at_s < self._until_s:
            return
        self._until_s = at_s + self._block_s
        if self.is_canary:
            executor.close_windows(at_s)
            self._take(acting, executor)
        turn = self._draw() if self.is_canary else self._draw_holdback(acting)
        if turn is not self.turn and not self.is_canary:
            executor.close_windows(at_s)
        self._to(turn, executor)
        if self.is_canary:
            executor.begin_windows()
            self._gathered = open_block(acting)

    def changes(self, executor: Executor) -> tuple[Change, ...]:
        """Give every job its original CPUs, for a block of the holdback."""
        return tuple(
            Change(run, run.original & executor.online, None, Arm.HOLDBACK, self._share, NOBODYS)
            for run in executor.runs
            if run.acts and run.in_force.arm is not Arm.HOLDBACK
        )

    def status(self) -> ExperimentStatus | None:
        """What heartbeats say of it; None while there is nothing to say."""
        if self.challenger is not None:
            return ExperimentStatus(
                kind="canary",
                digest=self.challenger.digest,
                state=self.comparison.standing.value,
                n_pairs=self.comparison.n_pairs,
                energy_ratio=self.comparison.energy_ratio,
                reason=self.comparison.reason,
            )
        if not self._n_blocks[Turn.BASELINE]:
            return None
        n_blocks = self._n_blocks[Turn.BASELINE]
        return ExperimentStatus(
            kind="holdback",
            digest=None,
            state="running",
            n_pairs=n_blocks,
            energy_ratio=None,
            reason=f"{n_blocks} blocks on the original CPUs, of {sum(self._n_blocks.values())}",
        )

    def _draw(self) -> Turn:
        """The other arm of a pair; the first of a new pair by a fair coin."""
        if self._first is not None:
            return Turn.CHAMPION if self._first.is_challenger else Turn.CHALLENGER
        return self._random.choice((Turn.CHAMPION, Turn.CHALLENGER))

    def _draw_holdback(self, acting: list[JobRun]) -> Turn:
        self._n_settled = self._n_settled + 1 if are_settled(acting) else 0
        may_hold = self._n_settled > BLOCKS_BEFORE_HOLDBACK
        held_back = may_hold and self._random.random() < self._share
        turn = Turn.BASELINE if held_back else Turn.CHAMPION
        self._n_blocks[turn] += may_hold
        return turn

    def _take(self, acting: list[JobRun], executor: Executor) -> None:
        """Count the block that ends now, where champion and challenger take turns."""
        gathered, self._gathered = self._gathered, None
        if not self.is_canary or gathered is None:
            return
        block = gathered.close(acting, is_challenger=self.turn is Turn.CHALLENGER)
        if block is None or self._first is None:
            self._first = block
            return
        first, self._first = self._first, None
        standing = self.comparison.take(first, block)
        if standing.is_over:
            self._end(standing, executor)

    def _end(self, standing: Standing, executor: Executor) -> None:
        """The champion decides on; a challenger that is worse is not taken again."""
        self._to(Turn.CHAMPION, executor)
        digest = "" if self.challenger is None else self.challenger.digest
        log.warning("canary %s: %s: %s", digest[:12], standing, self.comparison.reason)
        if standing is Standing.REGRESSED:
            executor.following.reject(digest, self.comparison.reason)

    def _abandon(self, executor: Executor) -> None:
        """Something else decides now: the block, and its pair, count for nothing."""
        self._until_s = self._gathered = self._first = None
        self._n_settled = 0
        if self.turn is not Turn.CHAMPION:
            self._to(Turn.CHAMPION, executor)

    def _to(self, turn: Turn, executor: Executor) -> None:
        """Hand all jobs over to another arm; what it wants comes into force with the next act."""
        propensity = self._propensity(turn)
        if turn is self.turn:
            for run in executor.runs:
                run.arm_propensity = propensity
            return
        was, self.turn = self.turn, turn
        swaps = (was is Turn.CHALLENGER) != (turn is Turn.CHALLENGER)
        for run in executor.runs:
            run.arm_propensity = propensity
            run.fulfils = -1
            if swaps:
                executor.roster.swap_minds(run, is_challenger=turn is Turn.CHALLENGER)
        executor.begin_windows()

    def _propensity(self, turn: Turn) -> float:
        if self.is_canary:
            return 0.5
        return self._share if turn is Turn.BASELINE else 1.0 - self._share
