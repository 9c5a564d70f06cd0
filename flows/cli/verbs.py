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
NO_WAIT = argument(
    "--no-wait", action="store_true", help="do not wait until the nodes follow (else exit code 4)"
)
CHANGING = (
    argument("--dry-run", action="store_true", help="show what would change where, and end"),
    argument("--yes", action="store_true", help="do not ask (without a terminal: required)"),
    NO_WAIT,
)
BUNDLE = argument(
    "--bundle",
    metavar="FOLDER_OR_DIGEST",
    help="a bundle's folder, or letters of a kept one's digest; else the shipped one",
)
POLICY = argument(
    "--policy",
    choices=("core-allocator", "device-classifier"),
    default="core-allocator",
    help="which policy is meant (%(default)s)",
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
            argument(
                "--jittered",
                type=int,
                default=0,
                metavar="N",
                help="instead: N nodes like it, each parameter within 3 %%, each with own optima",
            ),
            argument(
                "--noise",
                type=float,
                default=0.003,
                metavar="SIGMA",
                help="sigma of the log latency of a window of ten seconds",
            ),
            argument("--figure", metavar="PNG", help="where to write Figure 2"),
            argument(
                "--mlflow",
                action="store_true",
                help="log the paper's choices and ours to MLflow, to be compared there",
            ),
            argument(
                "--naive",
                action="store_true",
                help="also train PPO and DQN as the paper would, for seed 0; minutes a target",
            ),
            argument(
                "--naive-steps", type=int, default=200_000, metavar="N", help="of that training"
            ),
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
        "live-data",
        "show what one retrain learns from telemetry of nodes with a slow L3 group",
        "flows.cli.live_data:run",
        (
            argument("--seeds", type=int, default=10, metavar="N", help="nodes, one a seed"),
            argument("--first-seed", type=int, default=100, metavar="N", help="of these nodes"),
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

RECORDINGS_VERBS: tuple[Verb, ...] = (
    Verb(
        "import",
        "check sweeps measured elsewhere and keep them: retraining learns from them",
        "flows.cli.recordings:import_",
        (argument("source", metavar="FILE.csv|FOLDER", help="NAME.csv with NAME.json beside it"),),
    ),
    Verb("list", "list the recordings that are kept", "flows.cli.recordings:list_"),
    Verb(
        "show",
        "show one recording, allocation by allocation",
        "flows.cli.recordings:show",
        (argument("name", metavar="NAME", help="of a recording that is kept"),),
    ),
)

DEVICE_VERBS: tuple[Verb, ...] = (
    Verb(
        "choose",
        "choose device, batch size, threads, partition, memory and idle state for one network",
        "flows.cli.device_choose:run",
        (
            argument("model", metavar="MODEL.onnx", help="its graph is read, nothing is run"),
            argument("--batch", type=int, required=True, metavar="N", help="inputs in a batch"),
            argument(
                "--policy",
                choices=("latency", "throughput", "energy", "energy-under-target"),
                default="latency",
                help="what for (%(default)s)",
            ),
            argument("--target-ms", type=float, metavar="T", help="latency target of one batch"),
            argument(
                "--state", default="idle", help="of the GPU: idle, warm, or its clock share (idle)"
            ),
            argument(
                "--host",
                metavar="HOST",
                help="made-up or made-up:SEED; else that of the released classifier",
            ),
            argument("--cpus", type=int, metavar="N", help="that it has; else all of this process"),
            BUNDLE,
            argument("--explain", action="store_true", help="answer item by item, with figures"),
            argument(
                "--features-out",
                metavar="FILE.json",
                help="also write the features, for the server's --network-features",
            ),
        ),
    ),
    Verb(
        "retrain",
        "train a device classifier on a table, score, judge and register it",
        "flows.cli.device_retrain:run",
        (
            argument(
                "table",
                nargs="?",
                metavar="TABLE.csv",
                help="else the newest of HOME/device-tables",
            ),
            argument(
                "--node-class",
                nargs="+",
                default=["*"],
                metavar="CLASS",
                help="node classes it is made for; * for any",
            ),
            argument("--seed", type=int, default=0, help="the same seed gives the same bundle"),
        ),
    ),
    Verb(
        "benchmark",
        "set our choices of devices beside every baseline, on made-up hosts",
        "flows.cli.device_benchmark:run",
        (
            argument(
                "--host",
                nargs="+",
                default=["roofline", "stepped"],
                metavar="NAME",
                help="generators of made-up hosts: roofline, stepped",
            ),
            argument(
                "--split",
                nargs="+",
                default=["network"],
                choices=("network", "random"),
                help="networks never seen, or rows of networks seen before",
            ),
            argument(
                "--rows", type=int, nargs="+", default=[200], metavar="N", help="points of a table"
            ),
            argument(
                "--curve",
                type=int,
                nargs="*",
                default=[],
                metavar="N",
                help="points of the learning curve's tables, say 20 50 100 200 800",
            ),
            argument("--seeds", type=int, default=5, metavar="N", help="how many tables of each"),
            argument(
                "--first-seed", type=int, default=0, metavar="N", help="of hosts and networks"
            ),
            argument("--figures", metavar="FOLDER", help="where to draw what was found"),
            argument("--mlflow", action="store_true", help="log a run for each who chooses"),
        ),
    ),
    Verb(
        "stress",
        "choose on random tables of any kind, and count where a baseline does better",
        "flows.cli.device_stress:run",
        (
            argument("--tables", type=int, default=60, metavar="N", help="how many"),
            argument("--first-seed", type=int, default=0, metavar="N", help="of the tables"),
        ),
    ),
    Verb(
        "tune",
        "make a device of a table slower, and see choices tuned by what is measured",
        "flows.cli.device_tune:run",
        (
            argument("table", metavar="TABLE.csv", help="the table; its sidecar is TABLE.json"),
            argument("--objective", default="latency", help="what is optimised and measured"),
            argument("--slower", type=float, default=2.0, metavar="TIMES", help="by how much"),
            argument("--figure", metavar="PNG", help="where to draw regret over requests"),
            argument("--seed", type=int, default=0, metavar="N", help="of requests and noise"),
        ),
    ),
    Verb(
        "characterise",
        "measure what networks cost on the devices of this node; may be stopped and taken up again",
        "flows.cli.device_characterise:run",
        (
            argument("networks", nargs="*", metavar="NETWORK", help="of the zoo, or an ONNX file"),
            argument("--out", metavar="FOLDER", help="of NAME.csv and .json; else of the home"),
            argument("--name", help="of the recording; else from the node's class"),
            argument(
                "--devices", nargs="+", metavar="DEVICE", help="like ort-2t, dgpu:0; else all"
            ),
            argument("--batches", type=int, nargs="+", metavar="N", help="else chosen by work"),
            argument("--n-batches", type=int, default=6, metavar="N", help="how many to choose"),
            argument(
                "--max-gmac", type=float, default=2.0, help="work of the largest chosen, GMAC"
            ),
            argument("--max-memory-mb", type=float, default=1024.0, help="that one run may take"),
            argument(
                "--states",
                nargs="+",
                choices=("warm", "idle"),
                default=["warm"],
                help="from which a batch starts",
            ),
            argument("--idle-s", type=float, default=0.2, help="rest before a start from idle"),
            argument("--rounds", type=int, default=4, help="turns of every device at a point"),
            argument("--burst-s", type=float, default=0.02, help="least time of one turn"),
            argument(
                "--max-wait-share",
                type=float,
                default=0.05,
                metavar="SHARE",
                help="of the time, that our threads may wait for a CPU in a turn",
            ),
            argument("--tries", type=int, default=3, help="repeats of a turn that waited longer"),
            argument(
                "--keep-contended",
                action="store_true",
                help="keep measurements that waited longer at every try",
            ),
            argument("--for-s", type=float, metavar="S", help="begin no point later than this"),
            argument("--hub", metavar="URL", help="send measurements there, not to the own lake"),
            argument("--no-lake", action="store_true", help="write the table alone"),
        ),
    ),
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
    Verb(
        "drill",
        "an on-call exercise: a bad policy goes by itself, a subtle one by hand",
        "flows.cli.drill:run",
    ),
    Verb("up", "run hub, MLflow, Prefect and the schedules until Ctrl-C", "flows.cli.up:run"),
    Verb(
        "deploy",
        "register the flows for the workers of a Prefect work pool",
        "flows.cli.deploy:run",
        (argument("--work-pool", default="joulepilot", metavar="NAME", help="made if it is not"),),
    ),
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
        "simulate",
        "play a scenario with several jobs at accelerated time, beside every baseline",
        "flows.cli.simulate:run",
        (
            argument("scenario", metavar="SCENARIO", help="a TOML file, or a shipped one's name"),
            argument("--seed", type=int, nargs="+", default=[1], help="of node, jobs and noise"),
            argument("--report", metavar="FOLDER", help="write figures and a JSON there"),
            argument(
                "--prove", action="store_true", help="let the solver prove the oracle's plans"
            ),
            argument(
                "--without-per-job",
                action="store_true",
                help="leave out joulepilot without the joint plan, which takes longest",
            ),
            BUNDLE,
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
        "flows.cli.changing:promote",
        (
            argument("version", help=VERSION),
            POLICY,
            argument(
                "--ring",
                default="all",
                metavar="RING",
                help="where: all, one, a share like 10%%, or a pattern of node names",
            ),
            WHY,
            *CHANGING,
        ),
    ),
    Verb(
        "approve",
        "approve or reject a version that waits for a person; without one, list them",
        "flows.cli.changing:approve",
        (
            argument("version", nargs="?", help=VERSION),
            argument("--reject", action="store_true", help="say no; the version stays challenger"),
            argument("--why", help="the reason, kept in the release log; needed with a version"),
            NO_WAIT,
        ),
    ),
    Verb(
        "rollback",
        "go back to the policy before, or to that of an older release",
        "flows.cli.changing:rollback",
        (argument("--to", type=int, metavar="N", help="the release to go back to"), WHY, *CHANGING),
    ),
    Verb(
        "pause",
        "have every node keep what it has",
        "flows.cli.changing:pause",
        (WHY, NO_WAIT),
    ),
    Verb("resume", "let the nodes act again", "flows.cli.changing:resume", (WHY, NO_WAIT)),
    Verb(
        "history",
        "list all releases, or say what was in force on a node at a time, and why",
        "flows.cli.in_force:history",
        (
            argument("--node", metavar="NAME", help="what this node was to run"),
            argument(
                "--at", metavar="TIME", help="then: 03:12 (today, UTC) or 2026-11-21T03:12; now"
            ),
        ),
    ),
    Verb(
        "lineage",
        "from a version to its data, its run, its verdict, its releases and its nodes",
        "flows.cli.lineage:run",
        (argument("version", help=VERSION),),
    ),
    Verb(
        "savings",
        "say what the policy saved against its holdback, with a 95 % interval",
        "flows.cli.savings:run",
        (
            argument("--since", metavar="TIME", help="from then on; else the last 7 days"),
            argument("--price-per-kwh", type=float, metavar="X", help="also in money"),
            argument("--gco2e-per-kwh", type=float, metavar="G", help="also in gCO2e"),
        ),
    ),
    Verb("status", "show the nodes and their jobs", "flows.cli.on_call:status"),
    Verb("policies", "list the versions in the registry", "flows.cli.on_call:policies", (POLICY,)),
    Verb(
        "compare",
        "put two versions side by side",
        "flows.cli.on_call:compare",
        (argument("one", help=VERSION), argument("other", help=VERSION), POLICY),
    ),
    Verb(
        "keys",
        "the keys by which nodes tell who may say what they run",
        verbs=(
            Verb("new", "make a pair; new entries are signed from then on", "flows.cli.keys:new"),
            Verb("show", "print the public key", "flows.cli.keys:show"),
        ),
    ),
    Verb("recordings", "sweeps measured elsewhere, to learn from", verbs=RECORDINGS_VERBS),
    Verb("allocator", "the core allocator on its own", verbs=ALLOCATOR_VERBS),
    Verb("device", "the choice of a processor on its own", verbs=DEVICE_VERBS),
)
