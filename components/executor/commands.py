"""What an operator may ask of a running executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.device_tuning import tuning
from components.executor.errors import CommandError
from components.executor.explain import explain
from components.executor.held import Held
from components.executor.holding import hold, release
from components.executor.restored import restored_to_plain
from components.executor.sweep import SweepOrder
from components.executor.wire import plain
from components.node.cpuset import format_cpu_list
from components.node.placement import Layout

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
            "tuning": lambda command: tuning(executor.devices.correction, command),
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
        waiting = [run.status() for run in self._executor.deferrals.runs.values()]
        return {**plain(self._executor.heartbeat()), "deferred": [plain(one) for one in waiting]}

    def _explain(self, command: Command) -> Plain:
        work = self._executor.deferrals.runs.get(command.text("job"))
        if work is not None:
            return {"status": plain(work.status()), "text": work.explain()}
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
        works = {work.job.name for work in self._executor.roster.works}
        managed = name in self._executor.roster.runs or name in works
        health = [line for line in self._executor.roster.health if name in line]
        return {"job": name, "values": values, "managed": managed, "health": health}

    def _hold(self, command: Command) -> Plain:
        run = self._run(command)
        if command.flag("off"):
            release(self._executor, run)
        else:
            reason = command.optional_text("reason") or "held by an operator"
            until_s = self._until_s(command)
            hold(self._executor, run, Held(reason, until_s, command.optional_text("cpus") or ""))
        cpuset = format_cpu_list(run.in_force.cpus)
        return {"job": run.name, "held": run.hold is not None, "cpuset": cpuset}

    def _pause(self, command: Command) -> Plain:
        """Pause one job (it is held where it is), or the node."""
        if command.optional_text("job") is not None:
            reason = command.optional_text("reason") or "paused by an operator"
            hold(self._executor, self._run(command), Held(reason, self._until_s(command)))
        else:
            until_s = self._until_s(command)
            self._executor.store.change(paused=True, paused_until_s=until_s)
        return {"paused": True}

    def _resume(self, command: Command) -> Plain:
        """Let one job be moved again, or the node; that also agrees to a node that changed."""
        if command.optional_text("job") is not None:
            run = self._run(command)
            release(self._executor, run)
            return {"paused": run.hold is not None}
        self._executor.store.change(paused=False, paused_until_s=None)
        self._executor.fingerprint.accept()
        self._executor.refresh()
        return {"paused": self._executor.is_paused}

    def _until_s(self, command: Command) -> float | None:
        """When what is asked for ends, in seconds since the epoch; None: it does not by itself."""
        for_s = command.optional_seconds("for_s")
        return None if for_s is None else self._executor.ports.clock.now_s() + for_s

    def _restore(self, command: Command) -> Plain:  # noqa: ARG002 - verbs are alike
        """Give back all originals and pause, so that they stay."""
        self._executor.store.change(paused=True, paused_until_s=None)
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
