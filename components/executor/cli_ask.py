"""Verbs of `joulepilot-node` that ask a running executor."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from components.executor.cli_home import home_of
from components.executor.cli_show import show
from components.executor.control import ask
from components.executor.errors import CommandError, ExecutorAwayError
from components.executor.node_home import NodeHome
from components.executor.wire import Command

if TYPE_CHECKING:
    import argparse

    from components.executor.wire import Plain

POLL_S = 0.5


def ask_executor(arguments: argparse.Namespace) -> int:
    """Carry out a verb and show what came of it; 0 only when what was asked is true.

    Raises:
        JoulepilotError: it could not be done, and why.
    """
    home = NodeHome(home_of(arguments))
    command = Command(arguments.verb, _arguments(arguments))
    try:
        result = ask(home.socket, command)
    except ExecutorAwayError:
        if arguments.verb != "restore":
            raise
        result = _restore_alone(arguments, home)
    if arguments.verb == "sweep" and not arguments.no_wait:
        result = _wait_for_sweep(home, result, arguments.timeout_s)
    if arguments.json:
        _print(json.dumps(result))
    else:
        _print(show(arguments.verb, result))
    return 0 if _is_true(arguments, result) else 1


def _arguments(arguments: argparse.Namespace) -> dict[str, Plain]:
    match arguments.verb:
        case "explain":
            return {"job": arguments.job}
        case "hold":
            return {
                "job": arguments.job,
                "reason": arguments.reason,
                "off": arguments.off,
                "cpus": arguments.cpus,
                "for_s": arguments.for_s,
            }
        case "pause":
            return {"job": arguments.job, "reason": arguments.reason, "for_s": arguments.for_s}
        case "resume":
            return {"job": arguments.job}
        case "sweep":
            return {
                "jobs": arguments.jobs,
                "windows": arguments.windows,
                "points": arguments.points,
                "layout": arguments.layout,
                "window_s": arguments.window_s,
            }
        case "tuning":
            return {
                "reset": arguments.reset,
                "device": arguments.device,
                "network": arguments.network,
            }
        case "manage":
            values = _label_values(arguments)
            return {"job": arguments.job, "values": values, "forget": arguments.forget}
    return {}


def _label_values(arguments: argparse.Namespace) -> dict[str, str]:
    from components.executor.cli import LABEL_KEYS

    values = {}
    for key in LABEL_KEYS:
        value = getattr(arguments, key.replace("-", "_"))
        if value is not None:
            values[key] = value
    for pair in arguments.set:
        key, equals, value = pair.partition("=")
        if not equals:
            raise CommandError(
                f"asked to manage with --set {pair}", "it has no =", "write --set KEY=VALUE"
            )
        values[key] = value
    if not values and not arguments.forget:
        raise CommandError(
            f"asked to manage {arguments.job!r}",
            "nothing is said of it",
            "say something, like --target-ms 7, or --forget",
        )
    return values


def _is_true(arguments: argparse.Namespace, result: Plain) -> bool:
    match arguments.verb:
        case "restore":
            return bool(result["complete"])
        case "health":
            return bool(result["healthy"])
        case "resume":
            return not result["paused"]
        case "sweep":
            return bool(arguments.no_wait or result["state"] == "done")
        case "manage":
            is_off = result["values"].get("enable") == "false" or arguments.forget
            return bool(is_off or result["managed"])
    return True


def _wait_for_sweep(home: NodeHome, began: Plain, timeout_s: float) -> Plain:
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        sweep = ask(home.socket, Command("status", {}))["sweep"]
        if sweep is not None and sweep["state"] != "running":
            return sweep
        time.sleep(POLL_S)
    raise CommandError(
        f"asked for a sweep of {began['total']} points",
        f"it was not done within {timeout_s:g} s; it goes on",
        "see joulepilot-node status, or wait longer with --timeout-s",
    )


def _restore_alone(arguments: argparse.Namespace, home: NodeHome) -> Plain:
    """Without an executor, put back by the journal what one left behind."""
    from components.executor.restoring import restore_left_behind

    return restore_left_behind(
        home,
        host=arguments.host,
        docker_socket=arguments.docker_socket,
        processes=arguments.processes,
    )


def _print(text: str) -> None:
    print(text)  # noqa: T201 - what the command was asked for
