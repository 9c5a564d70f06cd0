"""`joulepilot serve`: one server, or a worker, as the only program of a container."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from components.policy.default_bundle import default_bundle
from components.releases.operations import seed
from flows.stack import servers, watch, worker

if TYPE_CHECKING:
    import argparse
    from typing import NoReturn

    from components.settings.settings import Resolved

HUB = "hub"
WHAT = (HUB, "mlflow", "prefect", "worker", "watch")


def run(arguments: argparse.Namespace, resolved: Resolved) -> NoReturn:
    """Become that program; it ends when it is told to, and its exit code is ours.

    Raises:
        SettingsError: a login file is none.
        DatabaseError: the file that names the database is none.
    """
    settings = resolved.settings
    if arguments.what == HUB:
        seed(settings.home, default_bundle())
    known = (
        *servers(settings, listen=arguments.listen),
        worker(settings, arguments.work_pool),
        watch(settings),
    )
    service = next(each for each in known if each.name == arguments.what)
    sys.stdout.flush()
    os.execve(service.argv[0], list(service.argv), os.environ | dict(service.environment))  # noqa: S606
