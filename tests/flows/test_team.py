"""A team's stack on a real PostgreSQL: workers, a restart of the database, backup and restore."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
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
from flows.services import Service, Services, free_port
from flows.stack import servers

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
USER = "postgres"


class Cluster:
    """A PostgreSQL of its own, run by its own user: it refuses to be root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        shutil.chown(folder, USER, USER)
        self.run("initdb", "-D", f"{folder}/data", "--auth=trust", "-E", "UTF8")

    def run(self, program: str, *words: str) -> str:
        argv = ["runuser", "-u", USER, "--", str(POSTGRES[-1] / program), *words]
        return subprocess.run(
            argv, check=True, capture_output=True, text=True, cwd=self.folder
        ).stdout

    def control(self, verb: str) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        log = ["-l", f"{self.folder}/log", "-o", options, "-w", "-m", "fast"]
        self.run("pg_ctl", "-D", f"{self.folder}/data", *log, verb)

    def client(self, program: str, *words: str) -> str:
        return self.run(program, "-h", "127.0.0.1", "-p", str(self.port), *words)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="joulepilot-postgres-"))
    made = Cluster(folder)
    made.control("start")
    for name in (PREFECT, MLFLOW):
        made.client("createdb", name)
    yield made
    made.control("stop")
    shutil.rmtree(folder)


@pytest.fixture
def settings(cluster: Cluster, tmp_path: Path) -> Settings:
    file = tmp_path / "database"
    file.write_text(f"postgresql://{USER}@127.0.0.1:{cluster.port}\n")
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


def worker(settings: Settings) -> Service:
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "joulepilot"]
    return Service("worker", argv, lambda: True, environment=service_environment(settings))


def ask(settings: Settings, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        settings.prefect_api_url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code < 500 or time.monotonic() > deadline:  # the database was away
                raise
            error.close()
            time.sleep(0.5)


def run_check(settings: Settings) -> str:
    deployment = ask(settings, "/deployments/name/check/regularly")["id"]
    run = ask(settings, f"/deployments/{deployment}/create_flow_run", {})["id"]
    deadline = time.monotonic() + 180
    while True:
        state = ask(settings, f"/flow_runs/{run}")["state"]
        if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
            return str(state["name"])
        assert time.monotonic() < deadline, state
        time.sleep(0.5)


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
    settings: Settings, cluster: Cluster, tmp_path: Path
) -> None:
    with Services(tmp_path / "logs") as services:
        start_servers(settings, services)
        registry = Registry(settings.mlflow_url)
        facts = TrainingFacts(name="a training", evaluation_set="0" * 64, git_commit="unknown")
        registry.register(default_bundle(), registry.log_training(facts))
        names = deploy(settings)
        assert "pipeline/nightly" in names
        services.start_all([worker(settings)])
        assert run_check(settings) == "Checked"

        cluster.control("restart")
        assert run_check(settings) == "Checked"
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
        restored = ask(settings, "/deployments/filter", {})
        assert {f"{item['name']}" for item in restored} >= {"nightly", "regularly"}
    assert not list((settings.home / "mlflow").glob("*.db"))
    assert not list((settings.home / "prefect").glob("*.db"))
