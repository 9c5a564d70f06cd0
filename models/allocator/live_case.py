"""A made-up node of which one L3 group is slow: what live telemetry should teach about it.

The predictor knows how nodes behave in general, and cannot know this. Judged is the first choice
on such a node that rests on no probe of it: after all CPUs were read once, the cheapest candidate
that is believed to keep its target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.target import Target
from components.madeup.node import node_of
from components.madeup.populations import EVALUATION_FAMILIES, TRAINING_FAMILIES, draw
from components.node.placement import place
from components.planning.reserve import usable_cpus
from components.planning.sweep_points import sweep_points
from components.policy import normal
from components.policy.candidates import candidates_of
from components.policy.search import Search, SearchSettings
from components.policy.steps import Observation
from components.policy.widening import RESCUE
from models.allocator.node_recorder import NodeRecorder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.madeup.surface import MadeUpSurface
    from components.policy.brain import Brain
    from components.policy.recorded import JobKey
    from components.telemetry.sample import Sample

SLOWDOWN = 1.3
LEAST_GROUPS = 4
"""L3 groups of a node: with fewer a slow one is felt everywhere."""
N_TARGETS = 8
N_POINTS = 40
"""Allocations of a sweep, as `joulepilot sweep` tries by default."""
N_ROUNDS = 3
_NODE_SEED = 70_000
_FAMILIES = (*TRAINING_FAMILIES, *EVALUATION_FAMILIES)


@dataclass(frozen=True, slots=True, eq=False)
class SlowNode:
    """A drawn node with one slow L3 group, and the truth about it."""

    seed: int
    surface: MadeUpSurface
    slow_l3: int
    candidates: tuple[Candidate, ...]
    latency_ms: NDArray[np.float64]
    """Shape (C,): true latency, the slow group included."""
    power_w: NDArray[np.float64]
    """Shape (C,): true power."""
    targets_ms: tuple[float, ...]

    @property
    def name(self) -> str:
        """Of the node."""
        return f"simulated-{self.surface.name}"


@dataclass(frozen=True, slots=True)
class FirstChoice:
    """A choice that rests on no probe of it."""

    candidate: Candidate
    regret: float
    """Power over the best, less 1; of all CPUs where it misses: that is where it leads back to."""
    missed: bool


def slow_node(seed: int) -> SlowNode:
    """Draw a node of at least four L3 groups, one of them slow; families take turns."""
    family = _FAMILIES[seed % len(_FAMILIES)]
    rng = np.random.default_rng([seed, 0x51])
    for attempt in count():
        (surface,) = draw(family, _NODE_SEED + 1000 * seed + attempt, 1)
        groups = sorted({cpu.l3 for cpu in surface.topology.cpus})
        if len(groups) >= LEAST_GROUPS:
            return _slowed(seed, surface, int(rng.choice(groups)))
    raise AssertionError  # count() has no end


def record(node: SlowNode, folder: Path, slowdown: float | None = None) -> tuple[Sample, ...]:
    """Sweep the node three times over, as a person asks for it; simulated.

    A `slowdown` of 1.0 records it as it was when it was well.
    """
    made_up = node_of(folder, node.surface, seed=node.seed)
    made_up.slow_l3(node.slow_l3, slowdown or SLOWDOWN)
    recorder = NodeRecorder(made_up, node.name)
    topology = node.surface.topology
    points = sweep_points(topology, {"job": (1, topology.n_logical)}, n_points=N_POINTS)
    return tuple(
        sample
        for _ in range(N_ROUNDS)
        for point in points
        for sample in recorder.record(point["job"].candidate, 1)
    )


def first_choice(brain: Brain, node: SlowNode, target_ms: float, job: JobKey) -> FirstChoice:
    """Read all CPUs once, and choose."""
    search = Search(
        brain, node.surface.topology, node.candidates, Target(target_ms), SearchSettings(job=job)
    )
    position = {candidate: at for at, candidate in enumerate(node.candidates)}
    widest = position[search.next().candidate]
    rng = np.random.default_rng([node.seed, round(1e6 * target_ms)])
    error = node.surface.noise * rng.normal(size=2) * (1.0, 0.5)
    search.observe(
        Observation(
            node.candidates[widest],
            float(node.latency_ms[widest] * np.exp(error[0])),
            float(node.power_w[widest] * np.exp(error[1])),
        )
    )
    return _judged(node, target_ms, _choose(search, target_ms), widest)


def _choose(search: Search, target_ms: float) -> int | None:
    """The cheapest that keeps its target with the probability asked of an unprobed rescue."""
    believed = search.predictions()
    slack = np.asarray([math.log(target_ms) - math.log(p.latency_ms) for p in believed])
    chance = normal.cdf(slack / np.asarray([p.latency_log_sigma for p in believed]))
    power = np.where(chance >= RESCUE, [p.power_w for p in believed], np.inf)
    return int(power.argmin()) if np.isfinite(power).any() else None


def _judged(node: SlowNode, target_ms: float, chosen: int | None, widest: int) -> FirstChoice:
    at = widest if chosen is None else chosen
    best_w = float(node.power_w[node.latency_ms <= target_ms].min())
    missed = bool(node.latency_ms[at] > target_ms)
    paid = widest if missed else at
    return FirstChoice(node.candidates[at], float(node.power_w[paid]) / best_w - 1.0, missed)


def _slowed(seed: int, surface: MadeUpSurface, slow_l3: int) -> SlowNode:
    topology = surface.topology
    candidates = candidates_of(topology, max_cpus=len(usable_cpus(topology)))
    touched = [
        any(topology.by_id[cpu].l3 == slow_l3 for cpu in place(topology, c.n_cpus, c.layout))
        for c in candidates
    ]
    latency_ms = surface.latency_ms(candidates) * np.where(touched, SLOWDOWN, 1.0)
    fastest = float(latency_ms.min())
    slowest = min(float(latency_ms.max()), 20.0 * fastest)
    return SlowNode(
        seed=seed,
        surface=surface,
        slow_l3=slow_l3,
        candidates=candidates,
        latency_ms=latency_ms,
        power_w=surface.power_w(candidates),
        targets_ms=tuple(np.geomspace(1.05 * fastest, 0.9 * slowest, N_TARGETS).tolist()),
    )
