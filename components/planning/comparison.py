"""Champion against challenger, block by block of the whole node: who is better, and is it sure?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from components.planning.sequential import Tally, is_above, is_below

ALPHA = 0.05
"""Probability of rolling back a challenger that is as good, over all measures and looks."""
RATIO_SCALE = 20.0
"""For log ratios: differences of 5 % are found soonest."""
SHARE_SCALE = 5.0
"""For shares of windows."""
MOST_PAIRS = 150
MOST_WARM_UP_BLOCKS = 30
MOST_OVERRULED = 10


class Standing(StrEnum):
    """How a comparison stands."""

    WARMING_UP = "warming-up"
    """The challenger is still searching."""
    RUNNING = "running"
    WON = "won"
    REGRESSED = "regressed"
    UNDECIDED = "undecided"
    """All pairs were used, and neither is better for sure."""

    @property
    def is_over(self) -> bool:
        """Whether no more blocks are needed."""
        return self in {Standing.WON, Standing.REGRESSED, Standing.UNDECIDED}


@dataclass(frozen=True, slots=True)
class Block:
    """What one arm did in one block of the whole node."""

    is_challenger: bool
    is_settled: bool
    """Whether no job of the node was being searched for."""
    joules_per_image: float | None
    """Of the whole node; None where it could not be seen."""
    lateness: float
    """Mean over windows of the log of latency over target, where above it; 0: none was above."""
    violations: float
    """Share of windows that missed the target."""
    n_overruled: int = 0
    """How often the guard had to rule against it."""


@dataclass(slots=True)
class Comparison:
    """Takes in blocks, two at a time; says how it stands after each pair."""

    energy: Tally = field(default_factory=Tally)
    """Log of node joules per image, challenger over champion."""
    lateness: Tally = field(default_factory=Tally)
    violations: Tally = field(default_factory=Tally)
    standing: Standing = Standing.WARMING_UP
    reason: str = "the challenger is searching"
    n_warm_up: int = 0
    n_overruled: int = 0

    @property
    def n_pairs(self) -> int:
        """Pairs that counted."""
        return self.violations.n

    @property
    def energy_ratio(self) -> float | None:
        """Node joules per image of the challenger over those of the champion."""
        return None if self.energy.mean is None else math.exp(self.energy.mean)

    def take(self, first: Block, second: Block) -> Standing:
        """Take in a pair of neighbouring blocks, one of each arm."""
        challenger, champion = (first, second) if first.is_challenger else (second, first)
        self.n_overruled += challenger.n_overruled
        if not challenger.is_settled:
            self.n_warm_up += 1
            return self._warm_up()
        if not champion.is_settled:
            return self.standing
        is_bad = challenger.n_overruled > champion.n_overruled
        self.violations = self.violations.add(
            max(challenger.violations, float(is_bad)) - champion.violations
        )
        self.lateness = self.lateness.add(challenger.lateness - champion.lateness)
        if challenger.joules_per_image and champion.joules_per_image:
            ratio = challenger.joules_per_image / champion.joules_per_image
            self.energy = self.energy.add(math.log(ratio))
        return self._judge()

    def _warm_up(self) -> Standing:
        if self.n_overruled > MOST_OVERRULED:
            return self._end(
                Standing.REGRESSED, f"the guard had to overrule it {self.n_overruled} times"
            )
        if self.n_warm_up > MOST_WARM_UP_BLOCKS:
            return self._end(
                Standing.REGRESSED, f"it had found nothing after {self.n_warm_up} blocks"
            )
        return self.standing

    def _judge(self) -> Standing:
        worse = {
            "misses its targets more often": is_above(self.violations, SHARE_SCALE, ALPHA / 3),
            "is further above its targets": is_above(self.lateness, RATIO_SCALE, ALPHA / 3),
            "takes more joules per image": is_above(self.energy, RATIO_SCALE, ALPHA / 3),
        }
        for what, is_sure in worse.items():
            if is_sure:
                return self._end(Standing.REGRESSED, f"it {what}: {self.words}")
        no_worse = (self.violations.mean or 0.0) <= 0.01 and (self.lateness.mean or 0.0) <= 0.005
        if no_worse and is_below(self.energy, RATIO_SCALE, ALPHA):
            return self._end(Standing.WON, f"it takes fewer joules per image: {self.words}")
        if self.n_pairs >= MOST_PAIRS:
            return self._end(Standing.UNDECIDED, f"neither is better for sure: {self.words}")
        self.standing, self.reason = Standing.RUNNING, self.words
        return self.standing

    def _end(self, standing: Standing, reason: str) -> Standing:
        self.standing, self.reason = standing, reason
        return standing

    @property
    def words(self) -> str:
        """The figures so far."""
        energy = "unknown" if self.energy.mean is None else f"{math.expm1(self.energy.mean):+.1%}"
        violations = self.violations.mean or 0.0
        return (
            f"joules per image {energy}, windows missed {violations:+.1%}, over {self.n_pairs} "
            "pairs of blocks"
        )
