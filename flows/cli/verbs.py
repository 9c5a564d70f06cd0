"""Every verb of `joulepilot`, its arguments, and the function that does it."""

from __future__ import annotations

from flows.cli.allocator_verbs import ALLOCATOR_VERBS, RECORDINGS_VERBS
from flows.cli.device_verbs import DEVICE_VERBS
from flows.cli.verb import BUNDLE, CHANGING, NO_WAIT, POLICY, VERSION, WHY, Verb, argument

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
    Verb(
        "serve",
        "run one server, or a worker, as the only program of a container",
        "flows.cli.serve:run",
        (
            argument("what", choices=("hub", "mlflow", "prefect", "worker", "watch")),
            argument("--listen", metavar="ADDRESS", help="to listen on; else where the hub is"),
            argument("--work-pool", default="joulepilot", metavar="NAME", help="of the worker"),
        ),
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
                "--recordings",
                metavar="FOLDER",
                help="jobs answer as the recordings there, on their node",
            ),
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
            argument(
                "--rollout",
                choices=("canary", "rings"),
                help="in place of --ring: canary tries it on one node, and all run it if it won; "
                "rings goes by one node and 10 %% of them",
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
            POLICY,
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
            argument(
                "--price-per-kwh",
                metavar="X|FILE",
                help="also in money; a file: of prices over time",
            ),
            argument(
                "--gco2e-per-kwh",
                metavar="G|FILE",
                help="also in gCO2e; a file: intensity over time",
            ),
        ),
    ),
    Verb("status", "show the nodes and their jobs", "flows.cli.on_call:status"),
    Verb("policies", "list the versions in the registry", "flows.cli.on_call:policies", (POLICY,)),
    Verb(
        "compare",
        "put two versions side by side",
        "flows.cli.on_call:compare",
        (
            argument("one", help=VERSION),
            argument("other", help=VERSION),
            argument("--rescore", action="store_true", help="score both anew on today's set"),
            POLICY,
        ),
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
