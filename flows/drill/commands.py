"""The commands a person on call types, run as such, and the time they take."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.demo.stage import PORTS
from flows.environment import service_environment
from flows.errors import DrillError

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Typed:
    """What a command said."""

    lines: tuple[str, ...]
    seconds: float
    """Wall time from Enter to the prompt, Python's start included."""


def type_command(settings: Settings, *words: str) -> Typed:
    """Run `joulepilot` with these words against the drill's servers.

    Raises:
        DrillError: it did not end with 0.
    """
    where = ["--home", str(settings.home)]
    for name in PORTS:
        where += [f"--{name.replace('_', '-')}", str(getattr(settings, name))]
    start = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *words, *where],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(settings),
    )
    if result.returncode != 0:
        raise DrillError(
            f"typed joulepilot {' '.join(words)}",
            f"exit code {result.returncode}: {result.stderr.strip() or result.stdout.strip()}",
            f"see {settings.home}/logs",
        )
    return Typed(tuple(result.stdout.splitlines()), time.monotonic() - start)


def wait_until(is_so: Callable[[], bool], what: str, *, within_s: float) -> float:
    """Wait for something; returns the seconds it took.

    Raises:
        DrillError: it is not so in time.
    """
    start = time.monotonic()
    while not is_so():
        if time.monotonic() - start > within_s:
            raise DrillError(
                f"waited {within_s:.0f} s for {what}", "it did not happen", "see the logs"
            )
        time.sleep(0.2)
    return time.monotonic() - start


def _environment(settings: Settings) -> dict[str, str]:
    return os.environ | service_environment(settings)
