"""Runs the loop: ticks in their time, commands between them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from components.telemetry.sample import Origin

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from components.executor.inbox import Inbox
    from components.executor.loop import Executor
    from components.executor.service_manager import ServiceManager
    from components.executor.wire import Command, Plain

log = logging.getLogger(__name__)


def run_loop(
    executor: Executor,
    inbox: Inbox,
    do: Callable[[Command], Plain],
    stopping: threading.Event,
    manager: ServiceManager | None = None,
) -> None:
    """Tick until told to stop.

    A made-up node's time passes by as much as a tick each time, in as much wall time as the pace
    says; commands, releases and heartbeats keep to wall time on every node.
    """
    settings, clock = executor.settings, executor.ports.clock
    is_simulated = executor.ports.origin is Origin.SIMULATED
    tick_wall_s = settings.tick_s
    if is_simulated:
        tick_wall_s = 0.0 if settings.pace is None else settings.tick_s / settings.pace
    due_s = time.monotonic()
    while not stopping.is_set():
        executor.tick()
        if manager is not None:
            manager.alive(lambda: _status(executor))
        if is_simulated:
            clock.sleep(settings.tick_s)
        # a tick that took too long is not made up for
        due_s = max(due_s + tick_wall_s, time.monotonic())
        inbox.serve(do, due_s - time.monotonic())


def _status(executor: Executor) -> str:
    """One line for `systemctl status`."""
    n_jobs = len(executor.runs)
    paused = ", paused" if executor.is_paused else ""
    return f"{n_jobs} job{'' if n_jobs == 1 else 's'} in charge{paused}"
