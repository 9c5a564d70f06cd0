"""`joulepilot up`: the embedded stack until Ctrl-C."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from components.policy.default_bundle import default_bundle
from components.releases.operations import seed
from flows.services import Services, interrupt_on_sigterm
from flows.stack import addresses, schedules, servers, watch

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved

WATCH_S = 1.0


def run(_arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Start everything, say where it is, and stay until asked to end.

    Raises:
        PortInUseError: a port is taken; nothing stays running.
        ServiceError: a server did not start, or died later.
    """
    settings = resolved.settings
    interrupt_on_sigterm()
    seed(settings.home, default_bundle())
    with contextlib.suppress(KeyboardInterrupt), Services(settings.home / "logs") as services:
        print(f"Starting hub, MLflow and Prefect; state is kept in {settings.home}", flush=True)
        services.start_all(servers(settings))
        services.start_all([schedules(settings), watch(settings)])
        for name, address in addresses(settings).items():
            print(f"  {name:<20} {address}")
        print("Ctrl-C ends all of it.", flush=True)
        while True:
            time.sleep(WATCH_S)
            services.require_alive()
    print("Ended.")
    return 0
