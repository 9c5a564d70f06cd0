"""The embedded stack: hub, MLflow and Prefect on this machine, started side by side."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from components.registry.server import mlflow_server_command
from components.settings.login import read_login
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


def servers(settings: Settings, *, listen: str | None = None) -> tuple[Service, ...]:
    """The three servers; none needs another to start.

    Args:
        settings: where they are reached, and where their state is.
        listen: address they listen on; None: that where the hub is reached.
    """
    host = listen or settings.hub_host
    return (_prefect(settings, host), _mlflow(settings, host), _hub(settings, host))


def hub(settings: Settings) -> Service:
    """The hub: takes telemetry, serves releases, bundles and the status page."""
    return _hub(settings, settings.hub_host)


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


def worker(settings: Settings, pool: str) -> Service:
    """A process that runs what is due in a work pool; any number of them may."""
    return Service(
        "worker",
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool],
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


def _hub(settings: Settings, host: str) -> Service:
    argv = [sys.executable, "-m", "components.hub", "--home", str(settings.home)]
    address = ["--host", host, "--port", str(settings.hub_port)]
    if settings.hub_login_file is not None:
        address += ["--login-file", str(settings.hub_login_file)]
    return Service(
        "hub",
        argv + address,
        answers(f"{settings.hub_url}/healthz"),
        port=(host, settings.hub_port),
    )


def _prefect(settings: Settings, host: str) -> Service:
    team, login = databases(settings), read_login(settings.prefect_login_file)
    database = {} if team is None else {PREFECT_DATABASE: team.prefect}
    locked = {} if login is None else {"PREFECT_SERVER_API_AUTH_STRING": login.text}
    address = ["--host", host, "--port", str(settings.prefect_port)]
    return Service(
        "prefect",
        [sys.executable, "-m", "prefect", "server", "start", *address],
        answers(f"{settings.prefect_api_url}/health"),
        environment=service_environment(settings) | ON_DISK | database | locked,
        port=(host, settings.prefect_port),
        ready_timeout_s=PREFECT_STARTUP_S,
    )


def _mlflow(settings: Settings, host: str) -> Service:
    team = databases(settings)
    argv, environment = mlflow_server_command(
        settings.home,
        settings.mlflow_port,
        host,
        database=None if team is None else team.mlflow,
        admin=read_login(settings.mlflow_login_file),
    )
    return Service(
        "mlflow",
        argv,
        answers(f"{settings.mlflow_url}/health"),
        environment=service_environment(settings) | environment,
        port=(host, settings.mlflow_port),
        ready_timeout_s=PREFECT_STARTUP_S,
    )
