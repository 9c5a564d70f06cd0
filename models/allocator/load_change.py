"""What becomes of a settled job when its load moves: back within its target, and soon cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.target import Target
from components.policy.candidates import candidates_of
from components.policy.search import Search
from components.policy.steps import Confirm, Infeasible, Observation, Probe, Settled
from models.allocator.errors import ArenaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.madeup.surface import MadeUpSurface
    from components.policy.brain import Brain
    from components.policy.search_settings import SearchSettings

LOADS = (0.8, 1.25)
"""Least and most that the offered rate changes by."""
MOST_WINDOWS_BACK = 2
_MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class LoadChange:
    """How one job fared after its load moved, by true values."""

    factor: float
    frozen_misses: bool
    """The allocation of before would miss the target for good."""
    windows_back: int
    """Windows, the one that showed the change included, until one kept the target."""
    probes: int
    """Probes until the new choice was confirmed."""
    unsafe: int
    """Different candidates among them that miss the target."""
    regret: float
    """Power over that of the best choice at the new load, less 1; at least 0."""
    violated: bool


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """Means over the jobs of one family and noise; shares are in [0, 1]."""

    n_jobs: int
    frozen_miss_share: float
    back_share: float
    """Back within the target after at most 2 windows."""
    windows_back_mean: float
    probes_mean: float
    unsafe_mean: float
    regret_mean: float
    violation_share: float


def change_loads(
    brain: Brain,
    surfaces: Sequence[MadeUpSurface],
    noise: float,
    seed: int,
    settings: SearchSettings | None = None,
) -> tuple[LoadChange, ...]:
    """Settle a job on each node, move its load, and follow the search until it settles again.

    Nodes on which nothing keeps the target, before or after, are left out.
    """
    rng = np.random.default_rng(seed)
    factors = np.exp(rng.uniform(np.log(LOADS[0]), np.log(LOADS[1]), len(surfaces)))
    followed = (
        _follow(brain, surface, float(factor), noise, np.random.default_rng([seed, i]), settings)
        for i, (surface, factor) in enumerate(zip(surfaces, factors, strict=True))
    )
    return tuple(change for change in followed if change is not None)


def summarise_loads(changes: Sequence[LoadChange]) -> LoadSummary | None:
    """Put together what single jobs showed; None where there is no job."""
    if not changes:
        return None
    back = np.asarray([change.windows_back for change in changes])
    return LoadSummary(
        n_jobs=len(changes),
        frozen_miss_share=float(np.mean([change.frozen_misses for change in changes])),
        back_share=float((back <= MOST_WINDOWS_BACK).mean()),
        windows_back_mean=float(back.mean()),
        probes_mean=float(np.mean([change.probes for change in changes])),
        unsafe_mean=float(np.mean([change.unsafe for change in changes])),
        regret_mean=float(np.mean([change.regret for change in changes])),
        violation_share=float(np.mean([change.violated for change in changes])),
    )


def load_line(summary: LoadSummary | None) -> str:
    """Say it in a line."""
    if summary is None:
        return "no job kept its target before its load moved and could keep it after"
    return (
        f"load x {LOADS[0]:g} to {LOADS[1]:g} on {summary.n_jobs} jobs: "
        f"{summary.frozen_miss_share:.1%} would miss, {summary.back_share:.1%} back in "
        f"{MOST_WINDOWS_BACK} windows (mean {summary.windows_back_mean:.2f}), "
        f"{summary.probes_mean:.2f} probes, {summary.unsafe_mean:.2f} unsafe, "
        f"regret {summary.regret_mean:.2%}, missed {summary.violation_share:.2%}"
    )


def _follow(
    brain: Brain,
    surface: MadeUpSurface,
    factor: float,
    noise: float,
    rng: np.random.Generator,
    settings: SearchSettings | None,
) -> LoadChange | None:
    candidates = candidates_of(surface.topology)
    target = Target(surface.target_ms)
    search = Search(brain, surface.topology, candidates, target, settings)
    before = _Node(surface, candidates, noise, rng)
    settled = _run(search, before)
    after = _Node(surface.at_load(factor), candidates, noise, rng)
    if settled is None or not after.feasible.any():
        return None
    search.load_changed(after.read(settled, 1.0))
    chosen = _run(search, after)
    if chosen is None:
        chosen = after.seen[int(np.argmin([after.latency_of(c) for c in after.seen]))]
    kept = [after.keeps(candidate) for candidate in after.seen]
    return LoadChange(
        factor=factor,
        frozen_misses=not kept[0],
        windows_back=kept.index(True) if any(kept) else len(kept),
        probes=search.n_probes,
        unsafe=len({c for c in after.probed if not after.keeps(c)}),
        regret=max(after.regret(chosen), 0.0),
        violated=not after.keeps(chosen),
    )


class _Node:
    """Reads a made-up node at one load, and remembers in which order."""

    def __init__(
        self,
        surface: MadeUpSurface,
        candidates: Sequence[Candidate],
        noise: float,
        rng: np.random.Generator,
    ) -> None:
        self._at = {candidate: i for i, candidate in enumerate(candidates)}
        self._latency_ms: NDArray[np.float64] = surface.latency_ms(candidates)
        self._power_w: NDArray[np.float64] = surface.power_w(candidates)
        self._noise, self._rng = noise, rng
        self.feasible = np.asarray(self._latency_ms <= surface.target_ms)
        self.seen: list[Candidate] = []
        self.probed: list[Candidate] = []

    def read(self, candidate: Candidate, n_windows: float) -> Observation:
        """What some windows of a candidate show."""
        self.seen.append(candidate)
        error = self._noise / np.sqrt(n_windows) * self._rng.normal(size=2)
        index = self._at[candidate]
        return Observation(
            candidate,
            float(self._latency_ms[index] * np.exp(error[0])),
            float(self._power_w[index] * np.exp(0.5 * error[1])),
            n_windows,
        )

    def latency_of(self, candidate: Candidate) -> float:
        """True latency in ms."""
        return float(self._latency_ms[self._at[candidate]])

    def keeps(self, candidate: Candidate) -> bool:
        """Whether a candidate truly keeps the target."""
        return bool(self.feasible[self._at[candidate]])

    def regret(self, candidate: Candidate) -> float:
        """Power over that of the best choice, less 1."""
        best = np.where(self.feasible, self._power_w, np.inf).min()
        return float(self._power_w[self._at[candidate]] / best - 1.0)


def _run(search: Search, node: _Node) -> Candidate | None:
    """Do what a search asks for; None where it says that nothing keeps the target."""
    for _ in range(_MAX_STEPS):
        step = search.next()
        match step:
            case Settled():
                return step.candidate
            case Infeasible():
                return None
            case Probe():
                node.probed.append(step.candidate)
                search.observe(node.read(step.candidate, 1.0))
            case Confirm():
                search.observe(node.read(step.candidate, float(step.n_windows)))
    raise ArenaError(
        "let a search follow its load", f"it did not end in {_MAX_STEPS} steps", "check the bundle"
    )
