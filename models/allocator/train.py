"""Training the bundle that ships: `python -m models.allocator.train --out FOLDER`."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.populations import TRAINING_FAMILIES, draw
from components.policy.bundle import bundle_digest
from components.policy.manifest import EXPECTED_IMPROVEMENT, LEARNED, LOOK_AHEAD, PROBE_RULES
from components.policy.search_settings import SearchSettings
from models.allocator.bending import bend
from models.allocator.bundling import bundle_nets
from models.allocator.evaluation import evaluate, evaluate_all_cpus, evaluation_set
from models.allocator.nets import Predictor, ProbeNet
from models.allocator.predictor_training import (
    PredictorTraining,
    train_predictor,
    validation_loss,
)
from models.allocator.probe_training import ProbeTraining, forecaster, train_prober
from models.allocator.scoring import paired_difference, summarise, table
from models.allocator.seeding import make_repeatable
from models.allocator.surface_arrays import join, of_madeup
from models.allocator.train_report import TrainReport
from models.allocator.training_bar import training_bar
from models.allocator.training_watch import TrainingWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.policy.recorded import RecordedSurface
    from models.allocator.evaluation_set import EvaluationSet
    from models.allocator.surface_arrays import SurfaceArrays

    Progress = Callable[[int, int, str], None]

logger = logging.getLogger(__name__)

_VALIDATION_SEED = 10_000
"""Nodes on which RL and expected improvement are compared; the gate's are others."""
_STOPPING_SEED = 50_000
"""Nodes that say when the predictor has learned enough."""
_REPORT_SEED = 30_000


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is spent on the shipped bundle: about 4 CPU minutes."""

    n_surfaces: int = 10_000
    """Made-up surfaces, half of each training family."""
    n_validation: int = 600
    n_evaluation: int = 160
    predictor: PredictorTraining = field(default_factory=PredictorTraining)
    prober: ProbeTraining = field(default_factory=ProbeTraining)


def train_default(
    out: Path,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    checkpoints: Path | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> TrainReport:
    """Train on made-up nodes only, and write the bundle; the same seed gives the same weights.

    With a folder for `checkpoints` a training that was interrupted goes on from there.
    """
    budget, tell = budget or Budget(), progress or _silent
    began = time.process_time()
    make_repeatable(seed)
    rng = np.random.default_rng(seed)
    predictor, prober = Predictor(), ProbeNet()
    tell(0, 1, "making up nodes")
    surfaces = madeup_surfaces(budget.n_surfaces, seed)
    watch = TrainingWatch(
        n_steps=budget.predictor.n_steps,
        inputs=f"{seed} {budget}",
        file=None if checkpoints is None else checkpoints / "predictor.pt",
        validation_loss=validation_loss(
            madeup_surfaces(budget.n_validation, _STOPPING_SEED), budget.predictor, seed
        ),
    )
    losses = train_predictor(predictor, surfaces, budget.predictor, rng, tell, watch)
    rewards = train_prober(prober, forecaster(predictor), surfaces, budget.prober, seed, tell)
    rule, choice = choose_rule(predictor, prober, budget, tell)
    cases = evaluation_set(n_madeup=budget.n_evaluation)
    metrics = choice | judge_nets(predictor, prober, rule, cases, tell)
    bundle_nets(
        predictor,
        prober,
        out,
        probe_rule=rule,
        evaluation_set=cases.digest,
        metrics=metrics,
    )
    return TrainReport(
        bundle=out,
        digest=bundle_digest(out),
        metrics=metrics,
        curves={
            "predictor_loss": losses,
            "predictor_validation_loss": tuple(watch.validation),
            "probe_reward": rewards,
        },
        params={"seed": str(seed), "budget": str(budget), "probe_rule": rule},
        cpu_s=time.process_time() - began,
    )


def madeup_surfaces(n: int, seed: int) -> SurfaceArrays:
    """Draw surfaces of the training families, as many of each, part of them bent."""
    each = n // len(TRAINING_FAMILIES)
    drawn = join([of_madeup(draw(family, seed, each), seed) for family in TRAINING_FAMILIES])
    return bend(drawn, seed)


def choose_rule(
    predictor: Predictor, prober: ProbeNet, budget: Budget, progress: Progress
) -> tuple[str, dict[str, float]]:
    """Compare what RL learned with what needs no learning, on nodes of their own.

    RL decides unless it is worse than looking ahead by more than two standard errors of the paired
    difference.
    """
    cases = evaluation_set(
        n_madeup=budget.n_validation, seed=_VALIDATION_SEED, families=TRAINING_FAMILIES
    )
    with tempfile.TemporaryDirectory() as folder:
        bundle_nets(predictor, prober, Path(folder), probe_rule=LEARNED)
        scores = {
            rule: evaluate(
                Path(folder), cases, settings=SearchSettings(probe_rule=rule), progress=progress
            )
            for rule in PROBE_RULES
        }
    metrics: dict[str, float] = {}
    for name, rule in (("ei", EXPECTED_IMPROVEMENT), ("look_ahead", LOOK_AHEAD)):
        difference, error = paired_difference(scores[LEARNED], scores[rule])
        metrics[f"rl_less_{name}_regret"] = difference
        metrics[f"rl_less_{name}_regret_standard_error"] = error
    is_worse = difference > 2.0 * error
    return LOOK_AHEAD if is_worse else LEARNED, metrics


def judge_nets(
    predictor: Predictor,
    prober: ProbeNet,
    rule: str,
    cases: EvaluationSet,
    progress: Progress,
    *,
    recorded: Sequence[RecordedSurface] = (),
) -> dict[str, float]:
    """Figures of a policy over an evaluation set, named `family_figure`."""
    with tempfile.TemporaryDirectory() as folder:
        bundle_nets(predictor, prober, Path(folder), probe_rule=rule, recorded=recorded)
        summary = summarise(evaluate(Path(folder), cases, progress=progress), cases)
    return {
        f"{family}_{name}": value
        for family, figures in summary.items()
        for name, value in figures.items()
    }


def main(argv: list[str] | None = None) -> int:
    """Train, write, and say how it does on fresh nodes."""
    parser = argparse.ArgumentParser(prog="python -m models.allocator.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--predictor-steps", type=int, default=PredictorTraining().n_steps)
    parser.add_argument("--probe-steps", type=int, default=ProbeTraining().n_steps)
    parser.add_argument("--cases", type=int, default=600, help="fresh nodes to be judged on")
    parser.add_argument(
        "--checkpoints",
        type=Path,
        default=Path("build/policy-training"),
        help="folder that an interrupted training goes on from; emptied at its end",
    )
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    budget = Budget(
        predictor=PredictorTraining(n_steps=options.predictor_steps),
        prober=ProbeTraining(n_steps=options.probe_steps),
    )
    with training_bar() as tell:
        report = train_default(
            options.out,
            seed=options.seed,
            budget=budget,
            checkpoints=options.checkpoints,
            progress=tell or _log,
        )
    shutil.rmtree(options.checkpoints, ignore_errors=True)
    logger.info("%s: %s, %.0f CPU s", report.bundle, report.digest, report.cpu_s)
    for text in compare(report.bundle, options.cases, seed=_REPORT_SEED + options.seed):
        logger.info("%s", text)
    return 0


def compare(bundle: Path, n_cases: int, *, seed: int) -> tuple[str, ...]:
    """Tables of a bundle beside its baselines, on nodes drawn for this."""
    cases = evaluation_set(n_madeup=n_cases, seed=seed)
    rows = [
        ("all CPUs", evaluate_all_cpus(cases)),
        *(
            (rule, evaluate(bundle, cases, settings=SearchSettings(probe_rule=rule)))
            for rule in PROBE_RULES
        ),
    ]
    return tuple(table(name, summarise(scores, cases)) for name, scores in rows)


def _log(done: int, total: int, text: str) -> None:
    logger.info("%s: %d of %d", text, done, total)


def _silent(done: int, total: int, text: str) -> None:
    """Tell nobody."""


if __name__ == "__main__":
    sys.exit(main())
