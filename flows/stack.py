"""The embedded stack: hub, MLflow and Prefect on this machine, started side by side."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from components.registry.server import mlflow_server_command
from flows.databases import databases
from flows.environment import service_environment
from flows.services import Service, answers

if TYPE_CHECKING:
    from components.settings.settings import Settings

PREFECT_STARTUP_S = 120.0  # 8 s alone, much more beside other work on two cores
PREFECT_DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
ON_DISK = {
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    )
}
"""Who runs what; in memory, as by default, it goes with the server, and ends runs under way."""
LAST_DEPLOYMENT = "pipeline/nightly"


def servers(settings: Settings) -> tuple[Service, ...]:
    """The three servers; none needs another to start."""
    return (_prefect(settings), _mlflow(settings), hub(settings))


def hub(settings: Settings) -> Service:
    """The hub: takes telemetry, serves releases, bundles and the status page."""
    argv = [sys.executable, "-m", "components.hub", "--home", str(settings.home)]
    address = ["--host", settings.hub_host, "--port", str(settings.hub_port)]
    return Service(
        "hub",
        argv + address,
        answers(f"{settings.hub_url}/healthz"),
        port=(settings.hub_host, settings.hub_port),
    )


def schedules(settings: Settings, only: str = "") -> Service:
    """The process that registers our flows with Prefect, or one of them, and runs what is due."""
    return Service(
        "schedules",
        [sys.executable, "-m", "flows.serve", *([only] if only else [])],
        answers(f"{settings.prefect_api_url}/deployments/name/{only or LAST_DEPLOYMENT}"),
        environment=service_environment(settings),
        ready_timeout_s=PREFECT_STARTUP_S,
    )


def watch(settings: Settings) -> Service:
    """The process that tells people of trouble."""
    return Service(
        "watch",
        [sys.executable, "-m", "flows.telling.watch"],
        lambda: True,
        environment=service_environment(settings),
    )


def addresses(settings: Settings) -> dict[str, str]:
    """Where a person looks, by name."""
    return {
        "nodes and jobs": f"{settings.hub_url}/",
        "flows and schedules": f"{settings.prefect_api_url.removesuffix('/api')}/dashboard",
        "runs and versions": f"{settings.mlflow_url}/#/experiments?workflowType=machine_learning",
    }


def _prefect(settings: Settings) -> Service:
    team = databases(settings)
    database = {} if team is None else {PREFECT_DATABASE: team.prefect}
    address = ["--host", settings.hub_host, "--port", str(settings.prefect_port)]
    return Service(
        "prefect",
        [sys.executable, "-m", "prefect", "server", "start", *address],
        answers(f"{settings.prefect_api_url}/health"),
        environment=service_environment(settings) | ON_DISK | database,
        port=(settings.hub_host, settings.prefect_port),
        ready_timeout_s=PREFECT_STARTUP_S,
    )


def _mlflow(settings: Settings) -> Service:
    team = databases(settings)
    argv, environment = mlflow_server_command(
        settings.home, settings.mlflow_port, database=None if team is None else team.mlflow
    )
    return Service(
        "mlflow",
        argv,
        answers(f"{settings.mlflow_url}/health"),
        environment=service_environment(settings) | environment,
        port=(settings.hub_host, settings.mlflow_port),
        ready_timeout_s=PREFECT_STARTUP_S,
    )
