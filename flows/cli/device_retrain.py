"""`joulepilot device retrain`: train, judge and register a device classifier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.printing import print_table, print_verdict, show_progress
from flows.device_learning import train_device_challenger
from models.device_classifier.bundling_scores import figures

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved

COLUMNS = ("who chooses", "cases", "target missed", "mean regret in joules", "best chosen")


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Train and judge a challenger; 0 only when it passed the gate."""
    with show_progress() as tell:
        challenger = train_device_challenger(
            resolved.settings,
            table=None if arguments.table is None else Path(arguments.table),
            node_classes=tuple(arguments.node_class),
            seed=arguments.seed,
            progress=tell,
        )
    version, verdict = challenger.version, challenger.verdict
    scores = {role: figures(of) for role, of in challenger.scores.items()}
    if arguments.json:
        facts = {
            "version": version.version,
            "digest": version.digest,
            "table": challenger.table,
            "scores": scores,
            "verdict": verdict.to_dict(),
        }
        print(json.dumps(facts))
        return 0 if verdict.passed else 1
    print(
        f"version {version.version} of {version.policy} ({version.digest[:12]}), learned from "
        f"{challenger.table}: {challenger.version_url}"
    )
    print_table(
        COLUMNS,
        [
            (
                role,
                f"{found['n_cases']:.0f}",
                f"{found['missed_share']:.1%}",
                f"{found['regret_mean']:.2%}",
                f"{found['best_share']:.1%}",
            )
            for role, found in scores.items()
        ],
    )
    print_verdict(verdict)
    if verdict.passed:
        print(f"promote it: joulepilot promote {version.version} --policy {version.policy} --why …")
    return 0 if verdict.passed else 1
