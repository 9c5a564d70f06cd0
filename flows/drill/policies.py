"""The drill's two policies: one trained on damaged rows, one trained too narrowly.

The damage is that of a join gone wrong: what was measured is put against the allocations in the
opposite order, so that few CPUs seem fast and dear, many slow and cheap. Every row for itself looks
sound. Searches measure before they believe, so a predictor alone that learned this does little
harm: it has to be trained until it is sure, and the probe policy has to learn from the same rows
where to look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.bundle import check_bundle
from models.allocator.bundling import bundle_nets
from models.allocator.errors import NotEnoughSamplesError
from models.allocator.export import import_nets
from models.allocator.live_arrays import of_live
from models.allocator.nets import Predictor
from models.allocator.predictor_training import PredictorTraining, train_predictor
from models.allocator.probe_training import ProbeTraining, forecaster, train_prober
from models.allocator.seeding import make_repeatable
from models.allocator.surfaces import compile_surfaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from models.allocator.surfaces import Surface

    Progress = Callable[[int, int, str], None]

MEASURED = (
    "latency_mean_ms", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "node_power_w",
)  # fmt: skip
TARGETS_MS = (5.0, 7.0, 10.0, 15.0)
DAMAGED_PREDICTOR = PredictorTraining(n_steps=800, batch_size=8)
DAMAGED_PROBER = ProbeTraining(
    n_steps=8000, n_envs=64, n_candidates=16, batch_size=512, learning_rate=6e-3
)


def joined_upside_down(frame: pd.DataFrame) -> pd.DataFrame:
    """Swept rows with what was measured put against the allocations in the opposite order."""
    rows = frame[frame["arm"] == "sweep"].sort_values(["n_cpus", "layout", "window_start"])
    damaged = rows.copy()
    for name in MEASURED:
        damaged[name] = rows[name].to_numpy()[::-1]
    return damaged


def swept_surfaces(frame: pd.DataFrame) -> tuple[Surface, ...]:
    """Every allocation of every sweep, all of it to learn from.

    Raises:
        NotEnoughSamplesError: nothing was swept.
    """
    surfaces = compile_surfaces(frame[frame["arm"] == "sweep"])
    if not surfaces:
        raise NotEnoughSamplesError(
            "asked for surfaces of swept rows", "there is none", "sweep a node first"
        )
    return tuple(
        replace(s, points=s.every_point, validation=(), held_out=(), targets_ms=TARGETS_MS)
        for s in surfaces
    )


def train_damaged(
    surfaces: Sequence[Surface],
    champion: Path,
    out: Path,
    *,
    seed: int,
    progress: Progress,
    prober_training: ProbeTraining = DAMAGED_PROBER,
) -> None:
    """Train a predictor from nothing and the champion's probe policy on, on damaged rows only."""
    make_repeatable(seed)
    pool, predictor, (_, prober) = of_live(surfaces), Predictor(), import_nets(champion)
    rng = np.random.default_rng(seed)
    train_predictor(predictor, pool, DAMAGED_PREDICTOR, rng, progress)
    train_prober(prober, forecaster(predictor), pool, prober_training, seed, progress)
    parent = check_bundle(champion)
    bundle_nets(
        predictor, prober, out, probe_rule=parent.probe_rule, node_classes=parent.node_classes
    )


def train_narrowly(
    surfaces: Sequence[Surface], champion: Path, out: Path, *, n_steps: int, seed: int
) -> None:
    """Tune the champion's predictor on these surfaces alone: it forgets a little of all others."""
    make_repeatable(seed)
    predictor, prober = import_nets(champion)
    training = PredictorTraining(n_steps=n_steps, batch_size=8, learning_rate=1e-3)
    train_predictor(predictor, of_live(surfaces), training, np.random.default_rng(seed), _silent)
    parent = check_bundle(champion)
    bundle_nets(
        predictor, prober, out, probe_rule=parent.probe_rule, node_classes=parent.node_classes
    )


def _silent(done: int, total: int, text: str) -> None:
    """Tell nobody."""
