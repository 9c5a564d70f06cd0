"""What an operator may ask of a running executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.errors import CommandError
from components.executor.explain import explain
from components.executor.job_run import Hold
from components.executor.restored import restored_to_plain
from components.executor.sweep import SweepOrder
from components.executor.wire import plain
from components.node.cpuset import format_cpu_list
from components.node.placement import Layout
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.executor.followed import Following
    from components.executor.inbox import Inbox
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.executor.wire import Command, Plain
    from components.jobs.live_overrides import LiveOverrides

LOOP_TIMEOUT_S = 20.0


class Commands:
    """Carries out commands on the loop's thread, between two ticks."""

    def __init__(self, executor: Executor, overrides: LiveOverrides) -> None:
        self._executor = executor
        self._overrides = overrides
        self._verbs: dict[str, Callable[[Command], Plain]] = {
            "status": self._status,
            "explain": self._explain,
            "manage": self._manage,
            "hold": self._hold,
            "pause": self._pause,
            "resume": self._resume,
            "restore": self._restore,
            "sweep": self._sweep,
        }

    def do(self, command: Command) -> Plain:
        """Carry out one command.

        Raises:
            JoulepilotError: it cannot be done, and why.
        """
        verb = self._verbs.get(command.verb)
        if verb is None:
            raise CommandError(
                f"asked to {command.verb}",
                "this executor knows no such command",
                f"use one of {', '.join(self._verbs)}, rollback",
            )
        return verb(command)

    def _status(self, command: Command) -> Plain:  # noqa: ARG002 - verbs are alike
        return plain(self._executor.heartbeat())

    def _explain(self, command: Command) -> Plain:
        return plain(explain(self._run(command), self._executor))

    def _manage(self, command: Command) -> Plain:
        name = command.text("job")
        if command.flag("forget"):
            self._overrides.clear(name)
            values: dict[str, str] = {}
        else:
            given = command.arguments.get("values") or {}
            values = {str(key): str(value) for key, value in dict(given).items()}
            self._overrides.update(name, values)
        self._executor.refresh()
        managed = name in self._executor.roster.runs
        health = [line for line in self._executor.roster.health if name in line]
        return {"job": name, "values": values, "managed": managed, "health": health}

    def _hold(self, command: Command) -> Plain:
        run = self._run(command)
        store = self._executor.store
        holds = {name: why for name, why in store.state.holds.items() if name != run.name}
        if command.flag("off"):
            run.hold = None
            run.relabel(Arm.POLICY if run.in_force.is_placed else Arm.ORIGINAL)
            run.fulfils = -1
        else:
            reason = command.optional_text("reason") or "held by an operator"
            run.hold = Hold(reason)
            run.relabel(Arm.OPERATOR)
            holds[run.name] = reason
        run.observer.restart(self._executor.ports.clock.monotonic_s())
        store.change(holds=holds)
        cpuset = format_cpu_list(run.in_force.cpus)
        return {"job": run.name, "held": run.hold is not None, "cpuset": cpuset}

    def _pause(self, command: Command) -> Plain:  # noqa: ARG002 - verbs are alike
        self._executor.store.change(paused=True)
        return {"paused": True}

    def _resume(self, command: Command) -> Plain:  # noqa: ARG002 - verbs are alike
        self._executor.store.change(paused=False)
        return {"paused": self._executor.is_paused}

    def _restore(self, command: Command) -> Plain:  # noqa: ARG002 - verbs are alike
        """Give back all originals and pause, so that they stay."""
        self._executor.store.change(paused=True)
        report = self._executor.restore_all()
        return restored_to_plain(report, paused=True)

    def _sweep(self, command: Command) -> Plain:
        layout = command.optional_text("layout")
        if layout is not None and layout not in set(Layout):
            raise CommandError(
                f"asked to sweep the layout {layout!r}",
                "there is none of that name",
                f"give one of {', '.join(Layout)}",
            )
        order = SweepOrder(
            jobs=command.texts("jobs"),
            n_windows=command.optional_count("windows") or 2,
            n_points=command.optional_count("points"),
            layout=None if layout is None else Layout(layout),
            window_s=command.optional_seconds("window_s"),
        )
        return plain(self._executor.sweeping.begin(order, self._executor).status())

    def _run(self, command: Command) -> JobRun:
        name = command.text("job")
        run = self._executor.roster.runs.get(name)
        if run is None:
            known = ", ".join(self._executor.roster.runs) or "none"
            raise CommandError(
                f"asked to {command.verb} the job {name!r}",
                f"jobs of this node are: {known}",
                "name one of them, or see joulepilot-node status",
            )
        return run


class Switchboard:
    """Sends each command to the thread it belongs to; called from connections' threads."""

    def __init__(self, inbox: Inbox, following: Following) -> None:
        self._inbox = inbox
        self._following = following

    def do(self, command: Command) -> Plain:
        """Carry out a command and wait for what comes of it.

        A rollback loads a bundle and may wait for the follower: the loop must not.

        Raises:
            JoulepilotError: it cannot be done, and why.
        """
        if command.verb == "rollback":
            digest = self._following.roll_back()
            return {
                "policy_digest": digest,
                "blocked_digests": list(self._following.current().blocked_digests),
            }
        return self._inbox.ask(command, LOOP_TIMEOUT_S)
