"""A team's stack on a real PostgreSQL: workers, a restart of the database, backup and restore."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.policy.default_bundle import default_bundle
from components.registry.facts import TrainingFacts
from components.registry.mlflow_registry import Registry
from components.releases.operations import seed
from components.settings.settings import Settings
from flows.databases import MLFLOW, PREFECT
from flows.environment import service_environment
from flows.services import Services, free_port
from flows.stack import servers, worker


@pytest.fixture
def settings(cluster: Any, tmp_path: Path) -> Settings:
    file = tmp_path / "database"
    file.write_text(f"{cluster.address}\n")
    settings = Settings(
        home=tmp_path / "home",
        hub_port=free_port(),
        prefect_port=free_port(),
        mlflow_port=free_port(),
        database_file=file,
    )
    seed(settings.home, default_bundle())
    return settings


def start_servers(settings: Settings, services: Services) -> None:
    services.start_all([s for s in servers(settings) if s.name in {"prefect", "mlflow"}])


def deploy(settings: Settings) -> list[str]:
    ports = ["--prefect-port", str(settings.prefect_port), "--home", str(settings.home)]
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", "deploy", "--json", *ports],
        env=os.environ | service_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout)["deployments"])


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_team_works_on_postgresql_through_a_restart_and_from_a_backup(
    settings: Settings,
    cluster: Any,
    ask: Callable[..., Any],
    run_check: Callable[..., str],
    tmp_path: Path,
) -> None:
    with Services(tmp_path / "logs") as services:
        start_servers(settings, services)
        registry = Registry(settings.mlflow_url)
        facts = TrainingFacts(name="a training", evaluation_set="0" * 64, git_commit="unknown")
        registry.register(default_bundle(), registry.log_training(facts))
        names = deploy(settings)
        assert "pipeline/nightly" in names
        services.start_all([worker(settings, "joulepilot")])
        assert run_check(settings.prefect_api_url) == "Checked"

        cluster.control("restart")
        assert run_check(settings.prefect_api_url) == "Checked"
        services.stop("worker")

        dumps = {name: cluster.client("pg_dump", "-Fp", name) for name in (PREFECT, MLFLOW)}
        services.stop("prefect")
        services.stop("mlflow")
        for name, dump in dumps.items():
            (cluster.folder / f"{name}.sql").write_text(dump)
            cluster.client("dropdb", name)
            cluster.client("createdb", name)
            cluster.client("psql", "-q", "-d", name, "-f", f"{cluster.folder}/{name}.sql")
        start_servers(settings, services)
        assert [version.version for version in Registry(settings.mlflow_url).versions()] == [1]
        restored = ask(f"{settings.prefect_api_url}/deployments/filter", {})
        assert {f"{item['name']}" for item in restored} >= {"nightly", "regularly"}
    assert not list((settings.home / "mlflow").glob("*.db"))
    assert not list((settings.home / "prefect").glob("*.db"))
