"""Verbs of the device classifier."""

from __future__ import annotations

from flows.cli.verb import BUNDLE, Verb, argument

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
