"""A device switch: a new container behind the user's router takes the place of the old one.

Start, ready, swap, drain, remove. The router's file is the commit: until it names the new container
everything is taken back, from then on everything is carried through. Each step may be made again,
so whoever finds the journal after a crash ends what was begun, and no request is lost either way.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.errors import RefusedError
from components.actuation.replacement_clone import clone
from components.actuation.replacement_drain import n_connections
from components.actuation.replacement_journal import Underway
from components.actuation.router import FileRouter, RouterKind
from components.errors import JoulepilotError

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.actuation.replacement_clone import Devices
    from components.actuation.replacement_containers import Containers
    from components.actuation.replacement_journal import ReplacementJournal

log = logging.getLogger(__name__)
_POLL_S = 0.1


def router_of(underway: Underway) -> FileRouter:
    """The router that a replacement was begun with."""
    return FileRouter(
        RouterKind(underway.router),
        underway.backend,
        Path(underway.route_file),
        underway.reload_command,
    )


class Stage(StrEnum):
    """What has just been done."""

    JOURNALLED = "journalled"
    MADE = "made"
    STARTED = "started"
    READY = "ready"
    HELD = "old one will not restart"
    POINTED = "router points to the new one"
    RELOADED = "router reloaded"
    DRAINED = "old one drained"
    STOPPED = "old one stopped"
    REMOVED = "old one removed"
    NAMED = "new one named"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long is waited for what; seconds."""

    ready_s: float = 120.0
    quiet_s: float = 2.0
    """The old container counts as drained after so long without a connection: a router that
    reloads needs a moment until nobody of it sends to the old one any more."""
    drain_s: float = 60.0
    """Connections that are open for longer are cut."""


class Replacement:
    """Replaces one container at a time."""

    def __init__(
        self,
        containers: Containers,
        router: FileRouter,
        journal: ReplacementJournal,
        *,
        timing: Timing | None = None,
        on_stage: Callable[[Stage], None] = lambda _stage: None,
    ) -> None:
        """`on_stage` is told after each step, before the next."""
        self._containers = containers
        self._router = router
        self._journal = journal
        self._timing = timing or Timing()
        self._on_stage = on_stage

    def replace(
        self, name: str, devices: Devices, *, port: int, ready: str, cpuset: str | None = None
    ) -> str:
        """Replace a container by one with other devices; the new one's id.

        Args:
            name: of the container.
            devices: what the new one is to have.
            port: of the container, that the router sends requests to.
            ready: page of it that answers 200 once it can serve.
            cpuset: what the container was set to before joulepilot changed it, if it did.

        Raises:
            RefusedError: it cannot be cloned, or the router does not point to it; why.
            JoulepilotError: a step failed; the old container serves on.
        """
        self.recover()
        old = self._containers.inspect(name)
        if old is None or not old["State"]["Running"]:
            raise RefusedError(f"asked to replace {name}", "it does not run", "start it first")
        body = clone(old, devices, cpuset=cpuset, others=self._containers.rows())
        restart = old["HostConfig"].get("RestartPolicy") or {}
        underway = Underway(
            name=name,
            old_id=str(old["Id"]),
            old_address=f"{self._containers.address(str(old['Id']))}:{port}",
            restart_policy=str(restart.get("Name") or "no"),
            restart_retries=int(restart.get("MaximumRetryCount") or 0),
            port=port,
            router=self._router.kind.value,
            backend=self._router.backend,
            route_file=str(self._router.file),
            reload_command=tuple(self._router.reload_command),
        )
        self._check_route(underway)
        self._journal.write(underway)
        self._on_stage(Stage.JOURNALLED)
        try:
            new_id = self._containers.make(underway.new_name, body, underway.old_id)
            self._on_stage(Stage.MADE)
            self._bring_up(underway, new_id, ready)
        except JoulepilotError:
            if self._router.current() == underway.old_address:
                self._take_back(underway)
            raise
        return self._carry_through(underway)

    def recover(self) -> str | None:
        """End what a process that died had begun; None: nothing was, or it was taken back.

        Returns:
            Id of the new container where the replacement was carried through.

        Raises:
            JoulepilotError: it cannot be ended now, and why.
        """
        underway = self._journal.read()
        if underway is None:
            return None
        self._router = router_of(underway)
        if self._router.current() == underway.old_address:
            log.warning("a replacement of %s was begun and is taken back", underway.name)
            self._take_back(underway)
            return None
        log.warning("a replacement of %s was begun and is carried through", underway.name)
        return self._carry_through(underway)

    def _check_route(self, underway: Underway) -> None:
        there = self._router.current()
        if there != underway.old_address:
            raise RefusedError(
                f"asked to replace {underway.name} at {underway.old_address}",
                f"the router's file names {there}",
                "name this container in it, and its port by --port",
            )

    def _bring_up(self, underway: Underway, new_id: str, ready: str) -> None:
        self._containers.start(new_id)
        self._on_stage(Stage.STARTED)
        address = f"{self._containers.address(new_id)}:{underway.port}"
        self._containers.wait_ready(address, ready, self._timing.ready_s)
        self._on_stage(Stage.READY)
        self._containers.set_restart(underway.old_id, "no")
        self._on_stage(Stage.HELD)
        self._router.point(address)
        self._on_stage(Stage.POINTED)

    def _take_back(self, underway: Underway) -> None:
        """Before the commit: as if nothing had been asked."""
        there = self._containers.inspect(underway.new_name)
        if there is not None:
            self._containers.remove(str(there["Id"]))
        self._containers.set_restart(
            underway.old_id, underway.restart_policy, underway.restart_retries
        )
        self._journal.clear()

    def _carry_through(self, underway: Underway) -> str:
        """After the commit: to the end, from wherever it stopped."""
        self._router.reload()
        self._on_stage(Stage.RELOADED)
        self._drain(underway)
        self._on_stage(Stage.DRAINED)
        self._containers.stop(underway.old_id)
        self._on_stage(Stage.STOPPED)
        self._containers.remove(underway.old_id)
        self._on_stage(Stage.REMOVED)
        new = self._containers.inspect(underway.new_name) or self._containers.inspect(underway.name)
        if new is None:
            raise RefusedError(
                f"asked to end the replacement of {underway.name}",
                "the new container is gone",
                "start it again by hand, and point the router's file to it",
            )
        self._containers.rename(str(new["Id"]), underway.name)
        self._on_stage(Stage.NAMED)
        self._journal.clear()
        self._on_stage(Stage.DONE)
        return str(new["Id"])

    def _drain(self, underway: Underway) -> None:
        """Wait until nobody has a connection to the old container for a while."""
        old = self._containers.inspect(underway.old_id)
        if old is None or not old["State"]["Running"]:
            return
        pid, timing = int(old["State"]["Pid"]), self._timing
        quiet_since_s = time.monotonic()
        until_s = quiet_since_s + timing.drain_s
        while time.monotonic() < until_s:
            n_open = n_connections(self._containers.proc, pid, underway.port)
            if n_open is None or n_open > 0:
                quiet_since_s = time.monotonic()
            elif time.monotonic() - quiet_since_s >= timing.quiet_s:
                return
            time.sleep(_POLL_S)
        log.warning("%s still has connections after %g s", underway.name, timing.drain_s)
