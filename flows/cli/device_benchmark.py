"""`joulepilot device benchmark`: our choices beside every baseline, on made-up hosts."""

from __future__ import annotations

import itertools
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.printing import print_table, show_progress
from flows.errors import BenchmarkError
from models.device_classifier.benchmark import (
    HOSTS,
    BenchmarkCase,
    energy_saved,
    run_cases,
    standing,
)
from models.device_classifier.benchmark_figures import (
    SHOWN,
    draw_calibration,
    draw_confusion,
    draw_learning,
    draw_regrets,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from components.settings.settings import Resolved
    from models.device_classifier.benchmark import Standing
    from models.device_classifier.evaluation import Evaluation, ObjectiveReport

    Evaluations = Mapping[BenchmarkCase, Evaluation]

COLUMNS = (
    "who chooses", "accuracy", "within 5 %", "mean regret", "summed regret", "ECE",
    "sure of", "right where sure",
)  # fmt: skip
FEWEST_ROWS = 20


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Evaluate all tables, print a table for each question, draw and log what was asked for."""
    _check(arguments)
    cases = [
        BenchmarkCase(host, split, rows, seed)
        for host in arguments.host
        for split in arguments.split
        for rows in (*arguments.rows, *arguments.curve)
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    ]
    with show_progress() as progress:
        found = run_cases(list(dict.fromkeys(cases)), progress)
    questions = dict.fromkeys(case.question for case in cases)
    if arguments.json:
        print(json.dumps({question: _as_json(found, question) for question in questions}))
    else:
        for question in questions:
            _print(found, question)
        for host, split in itertools.product(arguments.host, arguments.split):
            if arguments.curve:
                _print_curve(found, host, split, sorted(arguments.curve))
    if arguments.figures:
        _draw(found, arguments, Path(arguments.figures))
    if arguments.mlflow:
        _log(found, arguments, resolved.settings.mlflow_url)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    unknown = sorted(set(arguments.host) - set(HOSTS))
    if unknown or arguments.seeds < 1 or min((*arguments.rows, *arguments.curve)) < FEWEST_ROWS:
        raise BenchmarkError(
            f"asked for hosts {arguments.host} with {arguments.rows} rows",
            f"hosts are {sorted(HOSTS)}, rows start at {FEWEST_ROWS}, seeds at 1",
            "ask for these",
        )


def _reports(
    found: Evaluations, question: str, objective: str | None = None
) -> list[ObjectiveReport]:
    return [
        report
        for case, evaluation in found.items()
        if case.question == question
        for report in evaluation.reports
        if objective in {None, report.objective}
    ]


def _print(found: Evaluations, question: str) -> None:
    reports = _reports(found, question)
    n_tables = sum(case.question == question for case in found)
    print(f"\n{question} points, simulated: mean of {n_tables} tables and their objectives")
    rows = [(name, *_cells(standing(reports, name))) for name in reports[0].scores]
    print_table(COLUMNS, rows)
    saved = energy_saved(_reports(found, question, "energy"))
    print(
        f"energy: {saved.workload_mean:.1%} less than the best single device (geometric mean over "
        f"workloads; oracle {saved.oracle_mean:.1%}); joules in all {saved.above_oracle:.2%} above "
        "the oracle's"
    )


def _print_curve(found: Evaluations, host: str, split: str, n_rows: Sequence[int]) -> None:
    """Accuracy and mean regret by how many points there are to learn from and to judge by."""
    print(f"\n{host} {split}, learning curve: accuracy, mean regret")
    curves = _curves(found, host, split, n_rows)
    columns = ("who chooses", *(f"{rows} points" for rows in n_rows))
    print_table(
        columns,
        [
            (name, *(f"{accuracy:.1%}, {regret:.2%}" for accuracy, regret in values))
            for name, values in curves.items()
        ],
    )


def _cells(of: Standing) -> tuple[str, ...]:
    maybe = (of.calibration_error, of.answered, of.sure_accuracy)
    return (
        f"{of.accuracy:.1%}",
        f"{of.accuracy_within_5_percent:.1%}",
        f"{of.mean_regret:.2%}",
        f"{of.summed_regret:.2%}",
        *("-" if value is None else f"{value:.1%}" for value in maybe),
    )


def _as_json(found: Evaluations, question: str) -> dict[str, object]:
    """Keys: by who chose, the figures of `Standing`; `energy_saved`."""
    reports = _reports(found, question)
    return {name: asdict(standing(reports, name)) for name in reports[0].scores} | {
        "energy_saved": asdict(energy_saved(_reports(found, question, "energy")))
    }


def _draw(found: Evaluations, arguments: argparse.Namespace, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    figures: list[Path] = []
    for host in arguments.host:
        for split in arguments.split:
            question = f"{host} {split} {arguments.rows[0]}"
            stem, title = question.replace(" ", "-"), f"{question} points (simulated)"
            reports = _reports(found, question)
            devices = next(iter(found.values())).devices
            figures += [
                draw_confusion(folder / f"confusion-{stem}.png", reports, devices, title),
                draw_regrets(folder / f"regret-{stem}.png", reports, title),
                draw_calibration(folder / f"calibration-{stem}.png", reports, title),
            ]
            if arguments.curve:
                curves = _curves(found, host, split, arguments.curve)
                path = folder / f"learning-{host}-{split}.png"
                figures.append(draw_learning(path, sorted(arguments.curve), curves))
    return figures


def _curves(
    found: Evaluations, host: str, split: str, n_rows: Sequence[int]
) -> dict[str, list[tuple[float, float]]]:
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in SHOWN}
    for rows in sorted(n_rows):
        reports = _reports(found, f"{host} {split} {rows}")
        for name, values in curves.items():
            of = standing(reports, name)
            values.append((of.accuracy, of.mean_regret))
    return curves


def _log(found: Evaluations, arguments: argparse.Namespace, url: str) -> None:
    from components.registry.mlflow_registry import Registry  # MLflow takes a second to import
    from flows.device_benchmark import log_benchmark

    with tempfile.TemporaryDirectory() as scratch:
        figures = _draw(found, arguments, Path(scratch))
        first = (arguments.host[0], arguments.split[0])
        curves = _curves(found, *first, arguments.curve) if arguments.curve else {}
        page = log_benchmark(Registry(url), found, curves, figures)
    if not arguments.json:
        print(f"\nside by side in MLflow: {page}")
