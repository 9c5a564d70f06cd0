"""`joulepilot-node doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.doctor.doctor import Patient, examine, is_healthy, tell, to_plain
from components.executor.cli_home import home_of
from components.telemetry.power_order import parse_order

if TYPE_CHECKING:
    import argparse


def doctor(arguments: argparse.Namespace) -> int:
    """Look at this node; 0 when nothing would go wrong."""
    findings = examine(
        Patient(
            home=home_of(arguments),
            host=arguments.host,
            docker_socket=arguments.docker_socket,
            processes=arguments.processes,
            power=parse_order(arguments.power),
        )
    )
    said = json.dumps(to_plain(findings)) if arguments.json else tell(findings)
    print(said)  # noqa: T201 - what the command was asked for
    return 0 if is_healthy(findings) else 1
