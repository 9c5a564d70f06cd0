"""Every verb of `joulepilot`, its arguments, and the function that does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, as argparse takes it."""

    names: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: something to do, or a group of verbs of its own.

    `handler` is `module:function`, imported when the verb is used; empty for a group.
    """

    name: str
    help: str
    handler: str = ""
    arguments: tuple[Argument, ...] = ()
    verbs: tuple[Verb, ...] = ()


def argument(*names: str, **options: Any) -> Argument:
    """Write an argument the way argparse users do."""
    return Argument(names, options)


WHY = argument("--why", required=True, help="the reason, kept in the release log")
BUNDLE = argument(
    "--bundle",
    metavar="FOLDER_OR_DIGEST",
    help="a bundle's folder, or letters of a kept one's digest; else the shipped one",
)
VERSION = "a version number of the registry, or the first letters of a bundle's digest"

ALLOCATOR_VERBS: tuple[Verb, ...] = (
    Verb(
        "paper",
        "train and print the paper's own experiment: Table 2 and Figure 2",
        "flows.cli.allocator:run",
        (
            argument("--targets-ms", type=float, nargs="+", default=[5.0, 7.0, 10.0, 15.0]),
            argument("--seeds", type=int, default=1, help="train with seeds 0 to N-1"),
            argument("--noise", type=float, default=0.0, help="relative noise of a window"),
            argument("--figure", metavar="PNG", help="where to write Figure 2"),
        ),
    ),
    Verb(
        "evaluate",
        "let a policy choose on sweeps measured elsewhere, beside baselines",
        "flows.cli.allocator_evaluate:run",
        (
            argument("folder", metavar="FOLDER", help="recordings: NAME.csv and NAME.json each"),
            argument(
                "--predictions", required=True, metavar="OUT.csv", help="where to write choices"
            ),
            argument(
                "--noise",
                type=float,
                default=0.0,
                metavar="SIGMA",
                help="sigma of each reading's log latency; every repeat is a probe",
            ),
            argument("--seed", type=int, default=0, metavar="N", help="of the noise"),
            BUNDLE,
        ),
    ),
    Verb(
        "benchmark",
        "set our policy beside baselines, on made-up nodes it never saw",
        "flows.cli.allocator_benchmark:run",
        (
            argument("--family", nargs="+", metavar="NAME", help="kinds of nodes; else all"),
            argument(
                "--noise",
                type=float,
                nargs="+",
                default=[0.003],
                metavar="SIGMA",
                help="relative noise of a window's latency",
            ),
            argument("--nodes", type=int, default=100, metavar="N", help="nodes of each family"),
            argument("--seed", type=int, default=40_000, help="of nodes and noise"),
            BUNDLE,
            argument("--figures", metavar="FOLDER", help="where to draw regret and misses"),
            argument(
                "--naive-sb3",
                action="store_true",
                help="also train PPO and DQN for each node, as the paper would; minutes a node",
            ),
            argument(
                "--naive-steps", type=int, default=200_000, metavar="N", help="of that training"
            ),
        ),
    ),
)

DEVICE_VERBS: tuple[Verb, ...] = (
    Verb(
        "evaluate",
        "choose devices on a table measured elsewhere, each fold by the others, beside baselines",
        "flows.cli.device:run",
        (
            argument("table", metavar="TABLE.csv", help="the table; its sidecar is TABLE.json"),
            argument(
                "--predictions", required=True, metavar="OUT.csv", help="where to write choices"
            ),
            argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn"),
        ),
    ),
)

VERBS: tuple[Verb, ...] = (
    Verb(
        "demo",
        "show the whole loop on this machine, in minutes",
        "flows.demo.command:run",
        (
            argument("--keep", action="store_true", help="leave servers and jobs up at the end"),
            argument(
                "--host",
                choices=("auto", "docker", "process"),
                default="auto",
                help="run the jobs in Docker or as plain processes; auto: Docker if it answers",
            ),
        ),
    ),
    Verb("up", "run hub, MLflow, Prefect and the schedules until Ctrl-C", "flows.cli.up:run"),
    Verb("config", "show every setting and where it came from", "flows.cli.config:run"),
    Verb(
        "doctor",
        "say what would go wrong on this machine, and what to do",
        "flows.cli.doctor:run",
        (
            argument("--host", choices=("docker", "process"), default="docker"),
            argument("--docker-socket", default="/var/run/docker.sock"),
        ),
    ),
    Verb(
        "sweep",
        "have nodes try allocations on purpose, and wait until they have",
        "flows.cli.slow_path:sweep",
        (
            argument("nodes", nargs="+", metavar="NODE", help="a node's name"),
            argument("--windows", type=int, default=2, help="windows for each allocation"),
            argument("--points", type=int, default=40, help="at most so many allocations a node"),
            argument("--timeout-s", type=float, default=900.0, help="give up after so long"),
            WHY,
        ),
    ),
    Verb("ingest", "move received telemetry into the lake", "flows.cli.slow_path:ingest"),
    Verb("check", "judge what is new in the lake, row by row", "flows.cli.slow_path:check"),
    Verb(
        "retrain",
        "train a challenger on the checked samples, score and register it",
        "flows.cli.slow_path:retrain",
        (argument("--seed", type=int, default=0, help="the same seed gives the same bundle"),),
    ),
    Verb(
        "promote",
        "make a version run everywhere, if the gate lets it",
        "flows.cli.on_call:promote",
        (argument("version", help=VERSION), WHY),
    ),
    Verb(
        "rollback",
        "go back to the policy before, or to that of an older release",
        "flows.cli.on_call:rollback",
        (argument("--to", type=int, metavar="N", help="the release to go back to"), WHY),
    ),
    Verb(
        "pause",
        "have every node keep what it has",
        "flows.cli.on_call:pause",
        (WHY,),
    ),
    Verb("resume", "let the nodes act again", "flows.cli.on_call:resume", (WHY,)),
    Verb("history", "list all releases: what, when, who, why", "flows.cli.on_call:history"),
    Verb("status", "show the nodes and their jobs", "flows.cli.on_call:status"),
    Verb("policies", "list the versions in the registry", "flows.cli.on_call:policies"),
    Verb(
        "compare",
        "put two versions side by side",
        "flows.cli.on_call:compare",
        (argument("one", help=VERSION), argument("other", help=VERSION)),
    ),
    Verb("allocator", "the core allocator on its own", verbs=ALLOCATOR_VERBS),
    Verb("device", "the choice of a processor on its own", verbs=DEVICE_VERBS),
)
