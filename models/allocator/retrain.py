"""Learning from what nodes recorded: a challenger out of the champion.

Three things come of it. The networks are fine-tuned from the champion's weights, read out of its
graphs, and beside that trained from nothing for as long; recorded surfaces are mixed with fresh
made-up ones, so that what holds everywhere is not forgotten over what holds here. Whichever does
best on a validation population goes on, the champion's own networks included. And what was
recorded of single jobs on single nodes goes into the bundle as it is.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.policy.bundle import bundle_digest, check_bundle
from models.allocator.bundling import bundle_nets
from models.allocator.errors import NotEnoughSamplesError
from models.allocator.evaluation import evaluation_set
from models.allocator.export import import_nets
from models.allocator.live_arrays import LIVE_SHARE, mix, of_live
from models.allocator.live_recorded import recorded_surfaces
from models.allocator.probe_training import ProbeTraining, forecaster, train_prober
from models.allocator.seeding import make_repeatable
from models.allocator.starts import UNCHANGED, StartBudget, choose_start
from models.allocator.train import judge_nets, madeup_surfaces
from models.allocator.train_report import TrainReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.allocator.surfaces import Surface

    Progress = Callable[[int, int, str], None]

__all__ = ["RetrainBudget", "TrainReport", "retrain"]

MIN_WINDOWS = 6
"""Fewest recorded windows, over all surfaces, that are worth learning from."""
MIN_ALLOCATIONS = 2
"""Fewest allocations of a surface: one alone says nothing about any other."""
_MADEUP_SEED = 40_000
_PROBE_LEARNING_RATE = 3e-4


@dataclass(frozen=True, slots=True)
class RetrainBudget:
    """How much a scheduled retrain spends: a few CPU minutes."""

    start: StartBudget = field(default_factory=StartBudget)
    n_madeup: int = 1000
    """Fresh made-up surfaces to learn from beside the recorded ones."""
    n_evaluation: int = 160
    probe_steps: int = 4000
    """Decisions of the probe policy, when the predictor has changed under it."""


def retrain(
    champion: Path,
    surfaces: Sequence[Surface],
    out: Path,
    *,
    seed: int = 0,
    budget: RetrainBudget | None = None,
    lake_version: int | None = None,
    checkpoints: Path | None = None,
    progress: Progress | None = None,
) -> TrainReport:
    """Learn from surfaces mixed with made-up ones and write a new bundle.

    The same champion, surfaces and seed give the same weights, also when the training was
    interrupted and went on from its checkpoint. What was held out of the surfaces is not touched
    but for the figures in `bundle.json`.

    Args:
        champion: bundle to start from; node classes and probe rule stay as they are.
        surfaces: what was recorded.
        out: folder of the new bundle.
        seed: of everything that is drawn.
        budget: None for that of a nightly run.
        lake_version: version of `samples` that the surfaces were compiled from.
        checkpoints: folder to keep them in, and to go on from; None: an interruption costs all.
        progress: told (done, total, what).

    Raises:
        NotEnoughSamplesError: below six windows, or no surface has two allocations.
        BundleError: the champion does not pass its check.
    """
    began, tell, budget = time.process_time(), progress or _silent, budget or RetrainBudget()
    parent = check_bundle(champion)
    learned_from = _demand_enough(surfaces)
    make_repeatable(seed)
    tell(0, 1, "making up nodes")
    madeup = madeup_surfaces(budget.n_madeup, _MADEUP_SEED + seed)
    chosen = choose_start(
        import_nets(champion),
        parent.probe_rule,
        learned_from,
        mix(of_live(learned_from), madeup),
        seed=seed,
        budget=budget.start,
        checkpoints=checkpoints,
        inputs=_digest(champion, learned_from, seed, budget),
        progress=tell,
    )
    rewards: tuple[float, ...] = ()
    if chosen.start != UNCHANGED:
        training = ProbeTraining(n_steps=budget.probe_steps, learning_rate=_PROBE_LEARNING_RATE)
        rewards = train_prober(
            chosen.prober, forecaster(chosen.predictor), madeup, training, seed, tell
        )
    recorded = recorded_surfaces(learned_from)
    cases = evaluation_set(surfaces, n_madeup=budget.n_evaluation)
    metrics = {
        **judge_nets(
            chosen.predictor, chosen.prober, parent.probe_rule, cases, tell, recorded=recorded
        ),
        **chosen.metrics,
    }
    bundle_nets(
        chosen.predictor,
        chosen.prober,
        out,
        probe_rule=parent.probe_rule,
        lake_version=lake_version,
        node_classes=parent.node_classes,
        evaluation_set=cases.digest,
        metrics=metrics,
        recorded=recorded,
    )
    return TrainReport(
        bundle=out,
        digest=bundle_digest(out),
        metrics=metrics,
        curves={**chosen.curves, **({"probe_reward": rewards} if rewards else {})},
        params={
            "seed": str(seed),
            "budget": str(budget),
            "champion": bundle_digest(champion),
            "start": chosen.start,
            "n_surfaces": str(len(learned_from)),
            "n_recorded_jobs": str(len(recorded)),
            "n_windows": str(_n_windows(learned_from)),
            "live_share": str(LIVE_SHARE),
            "probe_rule": parent.probe_rule,
        },
        cpu_s=time.process_time() - began,
        sentence=chosen.sentence,
    )


def _digest(champion: Path, surfaces: Sequence[Surface], seed: int, budget: RetrainBudget) -> str:
    """Of all that a training depends on."""
    digest = hashlib.sha256(f"{bundle_digest(champion)} {seed} {budget}".encode())
    for surface in surfaces:
        digest.update(repr((surface.name, surface.points, surface.validation)).encode())
    return digest.hexdigest()


def _demand_enough(surfaces: Sequence[Surface]) -> tuple[Surface, ...]:
    usable = tuple(s for s in surfaces if len(s.points) >= MIN_ALLOCATIONS)
    if _n_windows(usable) < MIN_WINDOWS:
        raise NotEnoughSamplesError(
            "asked to learn from recorded samples",
            f"{len(surfaces)} surfaces hold {_n_windows(usable)} windows of jobs that were seen "
            f"with at least {MIN_ALLOCATIONS} allocations; {MIN_WINDOWS} are needed, the last "
            "third in time not counted",
            "record a sweep (`joulepilot sweep`), then ingest and check it",
        )
    return usable


def _n_windows(surfaces: Sequence[Surface]) -> int:
    return sum(p.n_windows for surface in surfaces for p in (*surface.points, *surface.validation))


def _silent(done: int, total: int, text: str) -> None:
    """Tell nobody."""
