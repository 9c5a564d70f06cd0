"""What all parts of the drill share: the stage, what the node says of itself, and the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.releases.log import ReleaseLog
from components.releases.source import RELEASES
from flows.demo.nodes import DemoNodes
from flows.drill.commands import type_command
from flows.errors import DrillError

if TYPE_CHECKING:
    from components.releases.entry import Release
    from components.settings.settings import Settings
    from components.telemetry.heartbeat import ExperimentStatus
    from flows.demo.narrator import Narrator
    from flows.drill.commands import Typed
    from flows.drill.receiver import Receiver

NODE = "night"
SHORT = 12


class Night:
    """One made-up node, who is on call, and what was timed."""

    def __init__(self, settings: Settings, on_call: Receiver, narrator: Narrator) -> None:
        self.settings = settings
        self.on_call = on_call
        self.say = narrator
        self.nodes = DemoNodes(settings)
        self.times: list[tuple[str, str]] = []
        self.lake_version = 0
        """Of the samples that passed the checks after the sweep."""

    @property
    def entries(self) -> tuple[Release, ...]:
        """The release log."""
        return ReleaseLog(self.settings.home / RELEASES).entries()

    @property
    def experiment(self) -> ExperimentStatus | None:
        """How the node's canary stands."""
        state = self.nodes.state(NODE)
        return None if state is None else state.heartbeat.experiment

    @property
    def blocked(self) -> tuple[str, ...]:
        """What the node rolled back and takes no more."""
        state = self.nodes.state(NODE)
        return () if state is None else state.heartbeat.blocked_digests

    @property
    def runs(self) -> str | None:
        """The bundle that decides on the node."""
        state = self.nodes.state(NODE)
        return None if state is None else state.heartbeat.policy_digest

    def type(self, *words: str) -> Typed:
        """Type a command and show the last two lines of its answer.

        Raises:
            DrillError: it did not end with 0.
        """
        typed = type_command(self.settings, *words)
        for line in typed.lines[-2:]:
            self.say.fact(f"joulepilot {words[0]}: {line}")
        return typed

    def took(self, what: str, seconds: float) -> None:
        """Keep a time for the table at the end."""
        self.times.append((what, f"{seconds:.1f} s here"))

    def require(self, is_so: bool, otherwise: str) -> None:
        """End the drill where something is not so.

        Raises:
            DrillError: it is not.
        """
        if not is_so:
            raise self.failed(otherwise)

    def failed(self, found: str) -> DrillError:
        """What ends a drill in which something was not seen to happen."""
        return DrillError("asked for a drill that works", found, f"see {self.settings.home}/logs")


def short(digest: str | None) -> str:
    """A digest as people are shown it."""
    return "nothing" if digest is None else digest[:SHORT]
