"""Fine-tuning the champion on what nodes recorded.

It starts from the champion's weights, read out of its graphs. Recorded surfaces are mixed with
fresh made-up ones, so that what holds everywhere is not forgotten over what holds here.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.bundle import bundle_digest, check_bundle
from models.allocator.bundling import bundle_nets
from models.allocator.errors import NotEnoughSamplesError
from models.allocator.evaluation import evaluation_set
from models.allocator.export import import_nets
from models.allocator.live_arrays import of_live
from models.allocator.predictor_training import PredictorTraining, train_predictor
from models.allocator.probe_training import ProbeTraining, forecaster, train_prober
from models.allocator.seeding import make_repeatable
from models.allocator.surface_arrays import join
from models.allocator.train import judge_nets, madeup_surfaces
from models.allocator.train_report import TrainReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.allocator.surface_arrays import SurfaceArrays
    from models.allocator.surfaces import Surface

__all__ = ["TrainReport", "retrain"]

MIN_WINDOWS = 6
"""Fewest recorded windows, over all surfaces, that are worth learning from."""
MIN_ALLOCATIONS = 2
"""Fewest allocations of a surface: one alone says nothing about any other."""
LIVE_SHARE = 0.3
"""How much of what is learned from was recorded, however little of it there is."""
N_MADEUP = 1000
_MADEUP_SEED = 40_000
_PROBE_STEPS_PER_STEP = 20
_LEARNING_RATE = 6e-4


def retrain(
    champion: Path,
    surfaces: Sequence[Surface],
    out: Path,
    *,
    seed: int = 0,
    steps: int = 200,
    lake_version: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> TrainReport:
    """Fine-tune the champion on surfaces mixed with made-up ones and write a new bundle.

    The same champion, surfaces and seed give the same weights. What was held out of the surfaces
    is not touched but for the figures in `bundle.json`.

    Args:
        champion: bundle to start from; node classes and probe rule stay as they are.
        surfaces: what was recorded.
        out: folder of the new bundle.
        seed: of everything that is drawn.
        steps: updates of the predictor; the probe policy decides 20 times as often.
        lake_version: version of `samples` that the surfaces were compiled from.
        progress: told (done, total, what).

    Raises:
        NotEnoughSamplesError: below six windows, or no surface has two allocations.
        BundleError: the champion does not pass its check.
    """
    began, tell = time.process_time(), progress or _silent
    parent = check_bundle(champion)
    learned_from = _demand_enough(surfaces)
    make_repeatable(seed)
    rng = np.random.default_rng(seed)
    predictor, prober = import_nets(champion)
    tell(0, 1, "making up nodes")
    live, madeup = of_live(learned_from), madeup_surfaces(N_MADEUP, _MADEUP_SEED + seed)
    losses = train_predictor(
        predictor,
        _mix(live, madeup),
        PredictorTraining(n_steps=steps, learning_rate=_LEARNING_RATE),
        rng,
        tell,
    )
    rewards = train_prober(
        prober,
        forecaster(predictor),
        madeup,
        ProbeTraining(n_steps=_PROBE_STEPS_PER_STEP * steps, learning_rate=_LEARNING_RATE / 2),
        seed,
        tell,
    )
    cases = evaluation_set(surfaces)
    metrics = judge_nets(predictor, prober, parent.probe_rule, cases, tell)
    bundle_nets(
        predictor,
        prober,
        out,
        probe_rule=parent.probe_rule,
        lake_version=lake_version,
        node_classes=parent.node_classes,
        evaluation_set=cases.digest,
        metrics=metrics,
    )
    return TrainReport(
        bundle=out,
        digest=bundle_digest(out),
        metrics=metrics,
        curves={"predictor_loss": losses, "probe_reward": rewards},
        params={
            "seed": str(seed),
            "steps": str(steps),
            "champion": bundle_digest(champion),
            "n_surfaces": str(len(learned_from)),
            "n_windows": str(_n_windows(learned_from)),
            "live_share": str(LIVE_SHARE),
            "probe_rule": parent.probe_rule,
        },
        cpu_s=time.process_time() - began,
    )


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
    return sum(point.n_windows for surface in surfaces for point in surface.points)


def _mix(live: SurfaceArrays, madeup: SurfaceArrays) -> SurfaceArrays:
    """Join both so that recorded surfaces are drawn with their share."""
    mixed = join([live, madeup])
    weight = mixed.weight.copy()
    weight[: len(live)] *= LIVE_SHARE / weight[: len(live)].sum()
    weight[len(live) :] *= (1.0 - LIVE_SHARE) / weight[len(live) :].sum()
    return replace(mixed, weight=weight)


def _silent(done: int, total: int, text: str) -> None:
    """Tell nobody."""
