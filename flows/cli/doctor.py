"""`joulepilot doctor`: this machine as a node, and as the place of the servers."""

from __future__ import annotations

import importlib.util
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from components.doctor.doctor import Patient, examine, is_healthy, tell, to_plain
from components.doctor.finding import Finding, advice, ok

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from components.settings.settings import Resolved, Settings

CONNECT_S = 1.0
_PIPELINE = ("torch", "mlflow", "prefect", "great_expectations", "deltalake")


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Look at this machine; 0 when nothing would go wrong."""
    settings = resolved.settings
    patient = Patient(
        home=settings.home, host=arguments.host, docker_socket=Path(arguments.docker_socket)
    )
    findings = (*examine(patient), *_packages(), *_servers(settings))
    print(json.dumps(to_plain(findings)) if arguments.json else tell(findings))
    return 0 if is_healthy(findings) else 1


def _packages() -> Iterator[Finding]:
    missing = [name for name in _PIPELINE if importlib.util.find_spec(name) is None]
    if missing:
        yield advice(
            "packages",
            f"{', '.join(missing)} are not installed: this machine can be a node only",
            "pip install 'joulepilot[pipeline]' where training and the servers are to run",
        )
    else:
        yield ok("packages", "the pipeline is installed")


def _servers(settings: Settings) -> Iterator[Finding]:
    """Who answers at the ports of the servers."""
    ports = {
        "hub": settings.hub_port,
        "MLflow": settings.mlflow_port,
        "Prefect": settings.prefect_port,
    }
    for name, port in ports.items():
        where = f"{settings.hub_host}:{port}"
        try:
            socket.create_connection((settings.hub_host, port), timeout=CONNECT_S).close()
        except OSError as error:
            yield advice(name, f"nobody answers at {where} ({error})", "joulepilot up")
        else:
            yield ok(name, f"something answers at {where}")
