"""`joulepilot demo`: sets the stage, tells the story, clears the stage."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from components.inference_server.networks import write_network
from components.policy.default_bundle import default_bundle
from components.releases.operations import seed
from flows.demo.narrator import Narrator
from flows.demo.stage import PORTS, fresh_home, stage_settings
from flows.demo.workplace import Processes
from flows.environment import service_environment
from flows.errors import DemoError
from flows.services import Services, interrupt_on_sigterm

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from components.settings.settings import Resolved, Settings
    from flows.demo.workplace import Workplace

NAME = "demo"


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Show the whole loop; 0 only when every part of it was seen to work."""
    interrupt_on_sigterm()
    settings = stage_settings(resolved, NAME)
    os.environ.update(service_environment(settings))  # Prefect reads it when it is imported
    _fresh_home(settings.home)
    narrator = Narrator(lambda line: print(line, flush=True))
    with Services(settings.home / "logs") as services, contextlib.ExitStack() as stack:
        place, why = _workplace(arguments.host, services, settings.home)
        stack.callback(place.close)
        print(f"joulepilot demo: jobs run {why}. State and logs: {settings.home}", flush=True)
        from flows.demo.story import Story  # only now: it imports Prefect

        story = Story(settings, services, place, narrator)
        story.tell()
        if arguments.keep:
            _stay(settings)
    print(_farewell(settings, kept=arguments.keep), flush=True)
    return 0


def _fresh_home(home: Path) -> None:
    """Begin in an empty folder, with the networks of the jobs and a first release."""
    fresh_home(home, NAME)
    for name in ("mobilenet", "mlp-small"):
        write_network(name, home / "networks" / f"{name}.onnx")
    seed(home, default_bundle())


def _workplace(wanted: str, services: Services, home: Path) -> tuple[Workplace, str]:
    processes = Processes(services, home / "networks", home / "processes")
    if wanted == "process":
        return processes, "as plain processes, as asked"
    from flows.demo.containers import Containers, why_not_docker

    why_not = why_not_docker()
    if why_not is None:
        return Containers(), "in Docker containers"
    if wanted == "docker":
        raise DemoError(
            "asked for the demo in Docker", why_not, "run make install, or leave --host away"
        )
    return processes, f"as plain processes, because {why_not}"


def _stay(settings: Settings) -> None:
    print(f"\nServers stay up until Ctrl-C. Ask: joulepilot status {_flags(settings)}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()


def _farewell(settings: Settings, *, kept: bool) -> str:
    if kept:
        return "Ended; nothing of the demo runs any more."
    return (
        "\nEnded; nothing of the demo runs any more. With --keep the servers stay up to look at.\n"
        f"What it left to read: joulepilot history --home {settings.home}"
    )


def _flags(settings: Settings) -> str:
    flags = [f"--home {settings.home}"]
    flags += [f"--{name.replace('_', '-')} {getattr(settings, name)}" for name in PORTS]
    return " ".join(flags)
