"""`joulepilot device tune`: a device becomes slower, and choices are tuned by what is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flows.cli.printing import show_progress
from flows.errors import BenchmarkError
from models.device_classifier.benchmark_figures import draw_tuning
from models.device_classifier.table_file import read_table
from models.device_classifier.tuning_trial import BEFORE, RECOVERED, TuningTrial, try_tuning

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved
    from models.device_classifier.tuning_trial import TuningResult

JUST_AFTER = 20  # requests


def run(arguments: argparse.Namespace, _resolved: Resolved) -> int:
    """Try it on a table's networks, each chosen for by what the other folds taught."""
    table = read_table(Path(arguments.table))
    if arguments.objective not in table.objectives or not arguments.slower > 0:
        raise BenchmarkError(
            f"asked to tune {arguments.objective} of a device {arguments.slower} times slower",
            f"the table has {', '.join(table.objectives)}; a device is slower by more than 0",
            "ask for one of these",
        )
    trial = TuningTrial(arguments.objective, arguments.slower, seed=arguments.seed)
    with show_progress() as progress:
        result = try_tuning(table, trial, progress)
    if arguments.figure:
        title = f"{table.name}: {result.device} becomes {trial.slower:g} times slower"
        draw_tuning(Path(arguments.figure), BEFORE, result.tuned, result.untuned, title)
    if arguments.json:
        print(json.dumps(_as_json(result)))
    else:
        _print(trial, result)
    return 0


def _print(trial: TuningTrial, result: TuningResult) -> None:
    just, later = slice(BEFORE, BEFORE + JUST_AFTER), slice(BEFORE + JUST_AFTER, None)
    print(
        f"{result.device} becomes {trial.slower:g} times slower; mean regret in {trial.objective}"
    )
    for name, values in (("tuned", result.tuned), ("untuned", result.untuned)):
        print(
            f"  {name:<8} before {np.mean(values[:BEFORE]):.2%}, "
            f"the next {JUST_AFTER} requests {np.mean(values[just]):.2%}, "
            f"then {np.mean(values[later]):.2%}"
        )
    n_requests = result.n_to_recover
    if n_requests is None:
        print(f"  not under {RECOVERED:.0%} within {len(result.tuned) - BEFORE} requests")
    else:
        print(f"  under {RECOVERED:.0%} again after {n_requests} requests")


def _as_json(result: TuningResult) -> dict[str, object]:
    """Keys: device, n_to_recover, n_before, tuned and untuned regret request by request."""
    return {
        "device": result.device,
        "n_to_recover": result.n_to_recover,
        "n_before": BEFORE,
        "tuned": result.tuned.tolist(),
        "untuned": result.untuned.tolist(),
    }
