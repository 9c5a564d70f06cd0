"""`joulepilot-node`: the executor of one node, and what its operator asks of it."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.executor.durations import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
LABEL_KEYS = (
    "target-ms", "target-statistic", "metrics", "model", "batch-size", "min-cpus", "max-cpus",
    "mode", "priority", "enable",
)  # fmt: skip
"""What `manage` has flags for; any other key of a label goes by --set KEY=VALUE."""
MODES = ("off", "recommend", "canary", "auto")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 only when what was asked is true."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        return _do(arguments)
    except JoulepilotError as error:
        if arguments.json:
            said = {"asked": error.asked, "found": error.found, "remedy": error.remedy}
            print(json.dumps({"error": said}))
        sys.stderr.write(f"joulepilot-node {arguments.verb}: {error.asked}\n")
        sys.stderr.write(f"  what is true: {error.found}\n  what to do: {error.remedy}\n")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _do(arguments: argparse.Namespace) -> int:
    # what a verb needs is imported when it is used: --help and status are to be quick
    if arguments.verb == "run":
        from components.executor.cli_run import run

        return run(arguments)
    if arguments.verb == "replace":
        from components.executor.cli_replace import replace

        return replace(arguments)
    if arguments.verb == "doctor":
        from components.executor.cli_doctor import doctor

        return doctor(arguments)
    from components.executor.cli_ask import ask_executor

    return ask_executor(arguments)


def parser() -> argparse.ArgumentParser:
    """Describe all verbs."""
    top = argparse.ArgumentParser(
        prog="joulepilot-node",
        description="Keeps the jobs of this node on their latency targets at the least power.",
        epilog="For releases, history and all nodes at once there is: joulepilot --help",
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_run(verbs)
    looked = _verb(verbs, "doctor", "say what would go wrong on this node, and what to do")
    _add_host(looked)
    _add_power(looked)
    _verb(verbs, "status", "show the node, its jobs and what is wrong")
    _verb(verbs, "health", "say what is wrong; exit code 0 when nothing is")
    _verb(verbs, "metrics", "print the state for Prometheus, as for node_exporter's textfiles")
    explain = _verb(verbs, "explain", "say why a job has what it has, and what else there was")
    explain.add_argument("job")
    _add_sweep(verbs)
    _add_manage(verbs)
    _add_tuning(verbs)
    hold = _verb(verbs, "hold", "keep a job on the CPUs it has now, or on others; over restarts")
    hold.add_argument("job")
    hold.add_argument("--cpus", metavar="LIST", help="like 0-7; default: those it has now")
    _add_for_why(hold)
    hold.add_argument("--off", action="store_true", help="let it be moved again")
    pause = _verb(verbs, "pause", "change nothing on this node, or of one job, until `resume`")
    pause.add_argument("job", nargs="?", help="default: the whole node")
    _add_for_why(pause)
    resume = _verb(verbs, "resume", "let the node, or one job, be changed again; agree to changes")
    resume.add_argument("job", nargs="?", help="default: the whole node")
    _verb(verbs, "rollback", "go back to the policy that decided here before; block this one")
    _add_replace(verbs)
    restore = _verb(
        verbs, "restore", "give every container its original CPUs, and pause a running executor"
    )
    _add_host(restore)
    return top


def _add_for_why(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--for", dest="for_s", type=seconds, metavar="TIME", help="like 90s, 15m, 2h, 1d"
    )
    verb.add_argument("--why", "--reason", dest="reason", help="kept and shown in status")


def _add_run(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _verb(verbs, "run", "run the executor until SIGTERM or Ctrl-C")
    _add_host(run)
    run.add_argument("--node", default=os.uname().nodename, help="name in samples (%(default)s)")
    run.add_argument("--hub", metavar="URL", help="where samples and heartbeats go")
    run.add_argument(
        "--hub-login-file",
        type=Path,
        metavar="FILE",
        help="USER:PASSWORD that hub and release log ask for",
    )
    run.add_argument(
        "--releases",
        metavar="URL|FOLDER",
        help="where the release log is; without it the shipped policy decides",
    )
    run.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help="take only entries signed by its owner (joulepilot keys new makes a pair)",
    )
    run.add_argument("--read-group", metavar="GROUP", help="its members may ask for status")
    run.add_argument("--operate-group", metavar="GROUP", help="its members may change things")
    run.add_argument("--jobs-file", type=Path, help="default: HOME/node/jobs.toml")
    run.add_argument(
        "--only-label",
        type=_label,
        metavar="KEY=VALUE",
        help="never look at containers without this label",
    )
    run.add_argument(
        "--mode", choices=MODES, default="auto", help="no job goes further than this (%(default)s)"
    )
    run.add_argument(
        "--plan-jointly",
        action=argparse.BooleanOptionalAction,
        help="plan several jobs of the node together: which CPUs, so that idle parts can sleep; "
        "default: on nodes of more than 4 CPUs",
    )
    run.add_argument("--window-s", type=float, default=10.0, help="length of a window")
    run.add_argument("--min-requests", type=int, default=100, help="to judge a mean by")
    _add_power(run)
    run.add_argument("--tick-s", type=float, default=1.0, help="time between two looks")
    run.add_argument("--settle-s", type=float, default=1.0, help="left out after a change")
    run.add_argument("--confirm-windows", type=int, default=10, help="to confirm a choice")
    run.add_argument(
        "--holdback",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="of blocks on the original CPUs, as proof of what is saved; 0: none (%(default)s)",
    )
    run.add_argument(
        "--maintenance",
        action="append",
        default=[],
        metavar="SPAN",
        help="change nothing in it; `02:00-04:00` or `sat 22:00-04:00`, UTC",
    )
    run.add_argument(
        "--foreign-hold-s",
        type=float,
        default=300.0,
        help="how long CPUs that someone else set are left alone",
    )
    run.add_argument("--seed", type=int, default=0, help="of a made-up node")
    run.add_argument(
        "--pace",
        type=float,
        help="a made-up node's seconds in one second here; default: as fast as can be",
    )


def _add_replace(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    replace = _verb(
        verbs,
        "replace",
        "put a container with other devices in a container's place, no request lost",
    )
    replace.add_argument("job", help="name of the container")
    replace.add_argument("--cdi", action="append", default=[], metavar="vendor.com/class=name")
    replace.add_argument("--device", action="append", default=[], metavar="/dev/…")
    replace.add_argument("--port", type=int, help="of the container, behind the router")
    replace.add_argument("--ready", default="/readyz", help="page that answers 200 (%(default)s)")
    replace.add_argument("--router", choices=("nginx", "haproxy"), default="nginx")
    replace.add_argument("--route-file", type=Path, help="of the router; names the upstream")
    replace.add_argument("--backend", help="its name in that file; default: that of the job")
    replace.add_argument("--reload", default="nginx -s reload", help="command (%(default)s)")
    replace.add_argument("--recover", action="store_true", help="only end what was interrupted")
    replace.add_argument("--docker-socket", type=Path, default=Path("/var/run/docker.sock"))


def _add_power(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--power",
        default="rapl+nvml,rapl,psys",
        metavar="NAMES",
        help="meters in the order to try, of rapl, psys, nvml, joined by + where they add up; "
        "where none works, power is modelled and says so (%(default)s)",
    )


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is no label; write KEY=VALUE")
    return key, value


def _add_host(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--host",
        default="docker",
        choices=("docker", "process", "madeup:reference", "madeup:devices"),
        help="who holds the jobs (%(default)s)",
    )
    verb.add_argument("--docker-socket", type=Path, default=Path("/var/run/docker.sock"))
    verb.add_argument("--processes", type=Path, help="declared processes; HOME/processes")


def _add_sweep(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sweep = _verb(
        verbs, "sweep", "try allocations on purpose, publish what is seen, put back what was"
    )
    sweep.add_argument("jobs", nargs="*", help="default: all that are not off")
    sweep.add_argument("--windows", type=int, default=2, help="for each point (%(default)s)")
    sweep.add_argument("--points", type=int, help="at most so many, spread evenly; default: all")
    sweep.add_argument("--layout", choices=("compact", "spread", "smt"), help="only this one")
    sweep.add_argument("--window-s", type=float, help="default: that of the executor")
    sweep.add_argument("--no-wait", action="store_true", help="do not wait for its end")
    sweep.add_argument("--timeout-s", type=float, default=3600.0, help="give up waiting after")


def _add_tuning(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    tuning = _verb(verbs, "tuning", "show what was learned of this node's devices, or forget it")
    tuning.add_argument("--reset", action="store_true", help="forget it")
    tuning.add_argument("--device", help="only of this device")
    tuning.add_argument("--network", help="only of this network")


def _add_manage(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    manage = _verb(verbs, "manage", "say of a running container what labels would say")
    manage.add_argument("job", help="name of the container")
    for key in LABEL_KEYS:
        manage.add_argument(f"--{key}", metavar="VALUE")
    manage.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    manage.add_argument("--forget", action="store_true", help="labels and jobs.toml hold again")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text, description=text)
    verb.add_argument("--home", type=Path, help="folder that holds all state")
    verb.add_argument("--json", action="store_true", help="print JSON for machines")
    verb.add_argument("-v", "--verbose", action="store_true", help="log more")
    return verb
