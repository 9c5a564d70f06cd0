"""A benchmark of device choice in MLflow: one run for each way to choose, side by side."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from components.registry.facts import TrainingFacts
from models.code_version import git_commit
from models.device_classifier.benchmark import standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from components.registry.mlflow_registry import Registry
    from models.device_classifier.benchmark import BenchmarkCase
    from models.device_classifier.evaluation import Evaluation

    Evaluations = Mapping[BenchmarkCase, Evaluation]
    Curves = Mapping[str, Sequence[tuple[float, float]]]

EXPERIMENT = "device-classifier-benchmark"


def log_benchmark(
    registry: Registry, evaluations: Evaluations, curves: Curves, figures: Sequence[Path]
) -> str:
    """Log one run for each way to choose; gives the page that shows them side by side.

    Raises:
        RegistryError: MLflow is away.
    """
    names = [name for report in next(iter(evaluations.values())).reports for name in report.scores]
    runs = [
        registry.log_training(_facts(name, evaluations, curves, figures))
        for name in dict.fromkeys(names)
    ]
    return registry.compare_runs_url(runs)


def _facts(
    name: str, evaluations: Evaluations, curves: Curves, figures: Sequence[Path]
) -> TrainingFacts:
    cases = sorted(evaluations)
    return TrainingFacts(
        name=name,
        evaluation_set=hashlib.sha256(repr(cases).encode()).hexdigest(),
        git_commit=git_commit(),
        policy=EXPERIMENT,
        params={
            "chooser": name,
            "tables": len(cases),
            "seeds": " ".join(str(seed) for seed in sorted({case.seed for case in cases})),
            "source": "simulated",
        },
        curves={
            f"learning/{label}": [step[i] for step in curves[name]]
            for i, label in enumerate(("accuracy", "mean_regret"))
            if name in curves
        },
        results=_results(name, evaluations),
        figures=figures,
    )


def _results(name: str, evaluations: Evaluations) -> dict[str, float]:
    found: dict[str, float] = {}
    questions = dict.fromkeys(case.question for case in sorted(evaluations))
    for question in questions:
        reports = [
            report
            for case, evaluation in evaluations.items()
            if case.question == question
            for report in evaluation.reports
        ]
        for key, value in asdict(standing(reports, name)).items():
            if value is not None:
                found[f"{question}/{key}"] = value
    return found
