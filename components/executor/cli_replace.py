"""`joulepilot-node replace`: a container with other devices takes the place of one, by command."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from components.actuation.engine_api import EngineApi
from components.actuation.journal import Journal
from components.actuation.replacement import Replacement, Stage, router_of
from components.actuation.replacement_clone import Devices
from components.actuation.replacement_containers import Containers
from components.actuation.replacement_journal import ReplacementJournal
from components.actuation.router import FileRouter, RouterKind
from components.executor.cli_home import home_of
from components.executor.errors import CommandError
from components.executor.node_home import NodeHome

if TYPE_CHECKING:
    import argparse

ENGINE_TIMEOUT_S = 60.0
"""Creating and stopping a container takes longer than asking about it."""


def replace(arguments: argparse.Namespace) -> int:
    """Replace a container, or end a replacement that was interrupted; 0 when that is done."""
    home = NodeHome(home_of(arguments))
    journal = ReplacementJournal(home.replacement)
    underway = journal.read()
    if arguments.recover and underway is None:
        _print(json.dumps(None) if arguments.json else "nothing was interrupted")
        return 0
    router = router_of(underway) if arguments.recover and underway else _router(arguments)
    engine = EngineApi(arguments.docker_socket, ENGINE_TIMEOUT_S)
    replacement = Replacement(
        Containers(engine), router, journal, on_stage=_silent if arguments.json else _tell
    )
    try:
        new_id = replacement.recover() if arguments.recover else _do(arguments, replacement, home)
    finally:
        engine.close()
    done = {"job": arguments.job, "container_id": new_id, "route": router.current()}
    said = f"is now {new_id}" if new_id else "was taken back: the old container serves on"
    _print(json.dumps(done) if arguments.json else f"{arguments.job} {said}")
    return 0


def _router(arguments: argparse.Namespace) -> FileRouter:
    if arguments.route_file is None or arguments.port is None:
        raise CommandError(
            f"asked to replace {arguments.job}",
            "its port, or the router's file that names it, is not said",
            "add --port 8002 --route-file FILE, as docs/runbook.md shows",
        )
    return FileRouter(
        RouterKind(arguments.router),
        arguments.backend or arguments.job,
        arguments.route_file.absolute(),
        shlex.split(arguments.reload),
    )


def _do(arguments: argparse.Namespace, replacement: Replacement, home: NodeHome) -> str:
    return replacement.replace(
        arguments.job,
        Devices(tuple(arguments.cdi), tuple(arguments.device)),
        port=arguments.port,
        ready=arguments.ready,
        cpuset=_original_cpuset(arguments.job, home),
    )


def _original_cpuset(job: str, home: NodeHome) -> str | None:
    """What the container had before an executor changed it: the new one begins with that."""
    originals = Journal(home.journal).originals().values()
    return next((one.configured for one in originals if one.name == job), None)


def _silent(_stage: Stage) -> None:
    """For machines: only the end is printed."""


def _tell(stage: Stage) -> None:
    _print(f"  {stage}")


def _print(text: str) -> None:
    print(text)  # noqa: T201 - what the command was asked for
