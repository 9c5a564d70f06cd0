"""A benchmark of device choice is logged as runs that stand side by side."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.registry.mlflow_registry import Registry
from components.settings.settings import Settings
from flows.device_benchmark import EXPERIMENT, log_benchmark
from flows.services import Services, free_port
from flows.stack import servers
from models.device_classifier.benchmark import BenchmarkCase, case_table
from models.device_classifier.evaluation import evaluate


@pytest.fixture(scope="module")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, mlflow_port=free_port())
    with Services(home / "logs") as services:
        services.start_all([s for s in servers(settings) if s.name == "mlflow"])
        yield settings.mlflow_url


def test_each_who_chooses_is_a_run_with_the_same_figures(mlflow_url: str, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    figure = tmp_path / "figure.png"
    figure.write_bytes(b"png")
    case = BenchmarkCase("stepped", "network", 25, 122)
    table = case_table(case)
    found = {case: evaluate(replace(table, measured={"energy": table.measured["energy"]}))}
    page = log_benchmark(Registry(mlflow_url), found, {"ours": [(0.5, 0.4), (0.9, 0.1)]}, [figure])
    client = MlflowClient(mlflow_url)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert {"ours", "forest", "logistic regression", "oracle", "always igpu"} <= set(runs)
    assert all(run.info.run_id in page for run in runs.values())
    metrics = runs["ours"].data.metrics
    assert 0 <= metrics["stepped network 25/mean_regret"] < 10
    assert metrics["learning/accuracy"] == 0.9
    assert runs["oracle"].data.metrics["stepped network 25/accuracy"] == 1.0
    assert len({run.data.tags["evaluation_set"] for run in runs.values()}) == 1
    assert runs["forest"].data.params["source"] == "simulated"
    figures = client.list_artifacts(runs["ours"].info.run_id, "figures")
    assert [each.path for each in figures] == ["figures/figure.png"]
