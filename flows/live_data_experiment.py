"""Does live data count? One scheduled retrain on telemetry of a node with a slow L3 group.

For each seed a node of its own is swept, and a healthy one beside it. Their samples go through the
pipeline, and the champion is retrained twice: on all rows, and with those of the slow node
withheld. Judged is the first choice on the slow node that rests on no probe of it, by the truth.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from components.policy.brain import load_brain
from flows.recorded_samples import post_samples, settle_samples
from models.allocator.live_case import first_choice, record, slow_node
from models.allocator.live_split import hold_out
from models.allocator.retrain import retrain
from models.allocator.surfaces import compile_surfaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.node.topology import Topology
    from components.policy.brain import Brain
    from components.settings.settings import Settings
    from models.allocator.live_case import SlowNode
    from models.allocator.retrain import RetrainBudget
    from models.allocator.surfaces import Surface

    Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Arm:
    """How one policy did on one slow node."""

    regret: float
    """Mean over its targets; a miss costs what all CPUs cost."""
    n_missed: int


@dataclass(frozen=True, slots=True)
class LiveDataRow:
    """One seed."""

    seed: int
    node: str
    n_logical: int
    n_targets: int
    champion: Arm
    with_live: Arm
    withheld: Arm


def run_experiment(
    settings: Settings,
    champion: Path,
    seeds: Sequence[int],
    *,
    budget: RetrainBudget | None = None,
    progress: Progress,
) -> tuple[LiveDataRow, ...]:
    """Run one seed after the other, each in a lake of its own below the home."""
    rows = []
    for done, seed in enumerate(seeds):
        progress(done, len(seeds), f"live data, seed {seed}")
        own = replace(settings, home=settings.home / f"live-data-{seed}")
        rows.append(_run(own, champion, seed, budget, progress))
    return tuple(rows)


def mean_regret(rows: Sequence[LiveDataRow], arm: str) -> float:
    """Mean over seeds of one arm: `champion`, `with_live`, `withheld`."""
    return fmean(getattr(row, arm).regret for row in rows)


def _run(
    settings: Settings, champion: Path, seed: int, budget: RetrainBudget | None, progress: Progress
) -> LiveDataRow:
    slow, healthy = slow_node(seed), slow_node(seed + 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        topologies = _record(settings, slow, healthy, Path(folder))
    frame, _ = settle_samples(settings)
    surfaces = hold_out(compile_surfaces(frame, topologies))
    others = [surface for surface in surfaces if surface.node != slow.name]

    def retrained(name: str, learned_from: Sequence[Surface]) -> Brain:
        folder = settings.home / name
        retrain(champion, learned_from, folder, seed=seed, budget=budget, progress=progress)
        return load_brain(folder)

    (job,) = (surface.job for surface in surfaces if surface.node == slow.name)
    brains = (load_brain(champion), retrained("with", surfaces), retrained("without", others))
    arms = []
    for brain in brains:
        choices = [first_choice(brain, slow, target_ms, job) for target_ms in slow.targets_ms]
        arms.append(Arm(fmean(c.regret for c in choices), sum(c.missed for c in choices)))
    return LiveDataRow(
        seed, slow.name, slow.surface.topology.n_logical, len(slow.targets_ms), *arms
    )


def _record(
    settings: Settings, slow: SlowNode, healthy: SlowNode, folder: Path
) -> dict[str, Topology]:
    """Sweep both into the spool; returns the topologies of their node classes."""
    topologies = {}
    for node, slowdown in ((slow, None), (healthy, 1.0)):
        samples = record(node, folder / node.name, slowdown)
        post_samples(settings, samples)
        topologies[samples[0].node_class] = node.surface.topology
    return topologies
