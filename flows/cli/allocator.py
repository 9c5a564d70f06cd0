"""`joulepilot allocator paper`: the first paper's experiment, on the simulated reference node."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.paper_tables import (
    print_comparison,
    print_summary,
    print_table_2,
)
from flows.cli.printing import show_progress
from flows.errors import TargetsError
from flows.paper_experiment import run_experiment
from flows.paper_runs import FIGURE_TARGET_MS, log_runs
from models.allocator.paper_figure import draw_figure_2
from models.allocator.paper_naive import train_naively
from models.allocator.paper_nodes import jittered_nodes, reference_nodes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from components.settings.settings import Resolved, Settings
    from flows.paper_experiment import Experiment

_MOST_NOISE = 0.2


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Record, train one agent a node for all targets, and print Table 2."""
    targets_ms = _checked(arguments.targets_ms, arguments.noise)
    nodes = (
        jittered_nodes(arguments.jittered)
        if arguments.jittered
        else reference_nodes(arguments.seeds)
    )
    with _home(resolved) as settings, show_progress() as tell:
        experiment = run_experiment(
            settings, nodes, targets_ms, noise=arguments.noise, progress=tell
        )
        first = experiment.results[0]
        naive = (
            train_naively(
                first.sweep,
                experiment.truths[0],
                targets_ms,
                n_steps=arguments.naive_steps,
                progress=tell,
            )
            if arguments.naive
            else ()
        )
    if arguments.json:
        print(json.dumps([asdict(row) for row in experiment.rows]))
    else:
        print_table_2(experiment.rows)
        print_summary(experiment)
        if naive:
            print_comparison(naive, first)
    if arguments.figure:
        _draw(experiment, Path(arguments.figure))
    if arguments.mlflow:
        _log(experiment, resolved.settings.mlflow_url)
    return 0


def _log(experiment: Experiment, url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = log_runs(url, experiment, Path(folder))
    sys.stderr.write(f"compare in MLflow: {page}\n")


@contextmanager
def _home(resolved: Resolved) -> Iterator[Settings]:
    """The home that was asked for by flag; else one that goes when all is said.

    Simulated telemetry has no business in the lake that real nodes are learned from.
    """
    if resolved.origins["home"] == "--home":
        yield resolved.settings
        return
    with tempfile.TemporaryDirectory(prefix="joulepilot-paper-") as folder:
        yield replace(resolved.settings, home=Path(folder))


def _draw(experiment: Experiment, path: Path) -> None:
    first = experiment.results[0]
    row = min(first.rows, key=lambda row: abs(row.target_ms - FIGURE_TARGET_MS))
    draw_figure_2(first.sweep, row, path)


def _checked(targets_ms: Sequence[float], noise: float) -> list[float]:
    bad = [target for target in targets_ms if not 0 < target < float("inf")]
    if bad:
        raise TargetsError(
            f"asked for the targets {bad} ms", "a target is above 0", "give positive milliseconds"
        )
    if not 0 <= noise <= _MOST_NOISE:
        raise TargetsError(
            f"asked for noise {noise:g}",
            f"it is the sigma of a window's log latency, 0 to {_MOST_NOISE:g}",
            "give for example --noise 0.01",
        )
    return list(targets_ms)
