"""Where a scheduled retrain starts: from the champion, from nothing, or not at all.

Each gets the same steps on the same data; what does best on a validation population goes on. The
population is half made-up nodes and, where there are recorded ones, half of what they showed after
what is learned from; what is held out stays out of it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.populations import TRAINING_FAMILIES
from models.allocator.bundling import bundle_nets
from models.allocator.evaluation import evaluate
from models.allocator.evaluation_set import LIVE, evaluation_set
from models.allocator.live_arrays import mix, of_live
from models.allocator.live_recorded import recorded_surfaces
from models.allocator.nets import Predictor
from models.allocator.predictor_training import (
    PredictorTraining,
    train_predictor,
    validation_loss,
)
from models.allocator.train import madeup_surfaces
from models.allocator.training_watch import TrainingWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.allocator.evaluation_set import EvaluationSet
    from models.allocator.nets import ProbeNet
    from models.allocator.surface_arrays import SurfaceArrays
    from models.allocator.surfaces import Surface

    Progress = Callable[[int, int, str], None]

UNCHANGED, CHAMPION, SCRATCH = "unchanged", "champion", "scratch"
MISS_COSTS = 1.0
"""Regret of a choice that misses its target: more than any power saving."""
_VALIDATION_SEED = 60_000
_CHAMPION_RATE_SHARE = 0.2
"""Learning rate of fine-tuning over that of learning from nothing."""


@dataclass(frozen=True, slots=True)
class StartBudget:
    """How much is spent on each start."""

    n_steps: int = 200
    n_validation: int = 60
    """Made-up nodes of the validation population, none of them learned from."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What goes on."""

    start: str
    predictor: Predictor
    prober: ProbeNet
    metrics: Mapping[str, float]
    """`validation_regret_START` of each."""
    curves: Mapping[str, tuple[float, ...]]
    sentence: str
    """Whether starting from the champion helped, in words."""


def choose_start(
    nets: tuple[Predictor, ProbeNet],
    probe_rule: str,
    surfaces: Sequence[Surface],
    pool: SurfaceArrays,
    *,
    seed: int,
    budget: StartBudget,
    checkpoints: Path | None,
    inputs: str,
    progress: Progress,
) -> Chosen:
    """Train from each start and keep what does best; the champion's own networks win ties.

    Args:
        nets: the champion's.
        probe_rule: the champion's.
        surfaces: what was recorded.
        pool: what is learned from, recorded and made-up.
        seed: of everything that is drawn.
        budget: how much is spent.
        checkpoints: folder of checkpoints; None for none.
        inputs: digest of all that the training depends on.
        progress: told (done, total, what).
    """
    champion, prober = nets
    watches = {
        start: _watch(start, surfaces, seed, budget, checkpoints, inputs)
        for start in (CHAMPION, SCRATCH)
    }
    predictors = {UNCHANGED: champion, CHAMPION: _copy(champion), SCRATCH: Predictor()}
    curves: dict[str, tuple[float, ...]] = {}
    for start, watch in watches.items():
        usual = PredictorTraining()
        share = _CHAMPION_RATE_SHARE if start == CHAMPION else 1.0
        training = replace(usual, n_steps=budget.n_steps, learning_rate=share * usual.learning_rate)
        rng = np.random.default_rng([seed, len(curves)])
        curves[f"{start}_loss"] = train_predictor(
            predictors[start], pool, training, rng, _named(progress, start), watch
        )
        curves[f"{start}_validation_loss"] = tuple(watch.validation)
    cases = validation_cases(surfaces, budget.n_validation, seed)
    recorded = recorded_surfaces([replace(s, validation=()) for s in surfaces])
    regret = {}
    for start, predictor in predictors.items():
        with tempfile.TemporaryDirectory() as folder:
            bundle_nets(predictor, prober, Path(folder), probe_rule=probe_rule, recorded=recorded)
            regret[start] = validation_regret(Path(folder), cases, progress)
    best = min(regret, key=lambda start: regret[start])
    return Chosen(
        start=best,
        predictor=predictors[best],
        prober=prober,
        metrics={f"validation_regret_{start}": value for start, value in regret.items()},
        curves=curves,
        sentence=_sentence(best, regret),
    )


def validation_cases(surfaces: Sequence[Surface], n_madeup: int, seed: int) -> EvaluationSet:
    """Made-up nodes of their own, and what recorded ones showed after what is learned from."""
    live = [replace(s, held_out=s.validation) for s in surfaces if len(s.validation) > 1]
    return evaluation_set(
        live, n_madeup=n_madeup, seed=_VALIDATION_SEED + seed, families=TRAINING_FAMILIES
    )


def validation_regret(bundle: Path, cases: EvaluationSet, progress: Progress) -> float:
    """Mean regret; made-up and recorded cases weigh the same, a miss more than any saving."""
    scores = evaluate(bundle, cases, progress=progress).cases
    paid = [MISS_COSTS if s.violated else max(s.regret, 0.0) for s in scores]
    families = [case.family for case in cases.cases]
    parts = [
        [p for p, family in zip(paid, families, strict=True) if (family == LIVE) is is_live]
        for is_live in (False, True)
    ]
    return float(np.mean([np.mean(part) for part in parts if part]))


def _watch(
    start: str,
    surfaces: Sequence[Surface],
    seed: int,
    budget: StartBudget,
    checkpoints: Path | None,
    inputs: str,
) -> TrainingWatch:
    madeup = madeup_surfaces(2 * budget.n_validation, _VALIDATION_SEED + seed)
    later = [replace(s, points=s.validation) for s in surfaces if len(s.validation) > 1]
    population = mix(of_live(later), madeup) if later else madeup
    return TrainingWatch(
        n_steps=budget.n_steps,
        inputs=f"{inputs} {start}",
        file=None if checkpoints is None else checkpoints / f"predictor-{start}.pt",
        validation_loss=validation_loss(population, PredictorTraining(), seed),
    )


def _copy(net: Predictor) -> Predictor:
    copied = Predictor()
    copied.load_state_dict(net.state_dict())
    return copied


def _named(progress: Progress, start: str) -> Progress:
    words = {CHAMPION: "from the champion", SCRATCH: "from nothing"}

    def tell(done: int, total: int, text: str) -> None:
        progress(done, total, f"{text} {words[start]}")

    return tell


def _sentence(best: str, regret: Mapping[str, float]) -> str:
    figures = (
        f"validation regret {regret[UNCHANGED]:.2%} as it was, {regret[CHAMPION]:.2%} fine-tuned "
        f"from the champion, {regret[SCRATCH]:.2%} from nothing in as many steps"
    )
    said = {
        UNCHANGED: "fine-tuning did not help: the champion's networks stay",
        CHAMPION: "starting from the champion helped",
        SCRATCH: "starting from the champion did not help: what was learned from nothing goes on",
    }
    return f"{said[best]} ({figures})"
