"""`joulepilot device evaluate`: device choice on a table measured elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.printing import print_table, show_progress
from models.device_classifier.characterise_ceiling import ceiling_in
from models.device_classifier.evaluation import evaluate
from models.device_classifier.objective_run import BASELINES, OURS
from models.device_classifier.predictions_file import check_writable, write_predictions
from models.device_classifier.stress import regret_gap, whole_regrets
from models.device_classifier.table_file import read_table

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved
    from models.device_classifier.characterise_ceiling import Ceiling
    from models.device_classifier.evaluation import Evaluation, ObjectiveReport
    from models.device_classifier.scores import ChoiceScores
    from models.device_classifier.table import TextArray

COLUMNS = ("who chooses", "accuracy", "within 5 %", "mean regret", "summed regret", "ECE")


def run(arguments: argparse.Namespace, _resolved: Resolved) -> int:
    """Choose for every row by the other folds, write the choices, print the scores."""
    out = Path(arguments.predictions)
    table = read_table(Path(arguments.table))
    check_writable(out)
    with show_progress() as progress:
        evaluation = evaluate(table, seed=arguments.seed, progress=progress)
    write_predictions(out, evaluation.predictions)
    if arguments.json:
        print(json.dumps(_as_json(evaluation)))
        return 0
    n_folds = len(set(table.folds.tolist()))
    print(f"{table.name}: {len(table.rows)} rows, {len(table.devices)} devices, {n_folds} folds")
    for report in evaluation.reports:
        _print(report)
        _print_gaps(report, table.groups)
        _print_whole(report)
        print_ceiling(report.objective, ceiling_in(table.facts, report.objective), indent="  ")
    print(f"\nchoices: {out}")
    return 0


def _print(report: ObjectiveReport) -> None:
    n_rows = report.scores["ours"].n_rows
    print(f"\n{report.objective} ({n_rows} measured rows)")
    print_table(COLUMNS, [(name, *_cells(scores)) for name, scores in report.scores.items()])
    for fold, learner in report.learners.items():
        print(f"  fold {fold} is decided by {learner}")
    ours = report.scores["ours"]
    if ours.answered and ours.sure_accuracy is not None:
        print(f"  sure of {ours.answered:.1%} of the choices; {ours.sure_accuracy:.1%} right")
    n_unmeasured = ours.n_unmeasured
    if n_unmeasured:
        print(f"  {n_unmeasured} choices have an empty cell; each counts as its row's worst")


def _print_gaps(report: ObjectiveReport, groups: TextArray) -> None:
    """How our mean regret compares with each baseline's, and how much of that may be luck."""
    for name in BASELINES:
        gap, error = regret_gap(report, name, groups)
        print(f"  ours against {name}: {gap:+.2%} mean regret, ± {2 * error:.2%} by chance")


def _print_whole(report: ObjectiveReport) -> None:
    """The same where nothing is missing, if something is missing elsewhere."""
    n_whole, regrets = whole_regrets(report)
    if 0 < n_whole < len(report.costs):
        each = ", ".join(f"{name} {regrets[name]:.2%}" for name in (OURS, *BASELINES))
        print(f"  the {n_whole} rows without an empty cell: mean regret {each}")


def print_ceiling(objective: str, found: Ceiling | None, *, indent: str = "") -> None:
    """What measuring twice differs by: no choice can be told to be better than that."""
    if found is not None:
        print(
            f"{indent}{objective}: half of the rounds against the other: {found.accuracy:.1%} the "
            f"same device, {found.within_5_percent:.1%} within 5 %, {found.mean_regret:.2%} regret"
        )


def _cells(scores: ChoiceScores) -> tuple[str, ...]:
    error = scores.calibration_error
    return (
        f"{scores.accuracy:.1%}",
        f"{scores.accuracy_within_5_percent:.1%}",
        f"{scores.mean_regret:.2%}",
        f"{scores.summed_regret:.2%}",
        "-" if error is None else f"{error:.1%}",
    )


def _as_json(evaluation: Evaluation) -> dict[str, object]:
    """Keys: table, objectives -> objective -> scores by who chose, learners by fold."""
    return {
        "table": evaluation.table,
        "objectives": {
            report.objective: {
                "scores": {name: asdict(scores) for name, scores in report.scores.items()},
                "learners": {str(fold): name for fold, name in report.learners.items()},
            }
            for report in evaluation.reports
        },
    }
