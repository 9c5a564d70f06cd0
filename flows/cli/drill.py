"""`joulepilot drill`: sets the stage, lets things go wrong, clears the stage."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from components.policy.default_bundle import default_bundle
from components.releases.operations import seed
from flows.demo.narrator import Narrator
from flows.demo.stage import fresh_home, stage_settings
from flows.drill.receiver import Receiver
from flows.environment import service_environment
from flows.services import Services, interrupt_on_sigterm

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved

NAME = "drill"


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:  # noqa: ARG001 - as all verbs
    """Hold the exercise; 0 only when every step of it was seen to happen."""
    interrupt_on_sigterm()
    settings = stage_settings(resolved, NAME)
    fresh_home(settings.home, NAME)
    notify = settings.home / "notify.txt"
    settings = replace(settings, notify_file=notify)
    os.environ.update(service_environment(settings))
    seed(settings.home, default_bundle())
    narrator = Narrator(lambda line: print(line, flush=True))
    with Receiver() as on_call, Services(settings.home / "logs") as services:
        notify.write_text(f"{on_call.address}\n")
        print(f"joulepilot drill: all of it made up and local. State and logs: {settings.home}")
        from flows.drill.night import Night
        from flows.drill.story import hold  # it imports torch

        hold(Night(settings, on_call, narrator), services)
    print("\nEnded; nothing of the drill runs any more.")
    print(f"What it left to read: joulepilot history --home {settings.home}", flush=True)
    return 0
