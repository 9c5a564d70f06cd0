"""Verbs of the core allocator, and of the recordings it learns from."""

from __future__ import annotations

from flows.cli.verb import BUNDLE, Verb, argument

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
