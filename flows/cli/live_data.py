"""`joulepilot allocator live-data`: what one retrain learns from telemetry of an ill node."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.bundle_choice import bundle_folder
from flows.cli.printing import print_table, show_progress
from flows.live_data_experiment import mean_regret, run_experiment

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved
    from flows.live_data_experiment import Arm, LiveDataRow

_ARMS = ("champion", "with_live", "withheld")


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Print regret of the first unprobed choice; 0 only when live rows halve it and nothing else.

    Withheld rows must not: half of the champion's regret is not reached without them.
    """
    champion = bundle_folder(arguments.bundle, resolved.settings.home)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    with (
        tempfile.TemporaryDirectory(prefix="joulepilot-live-data-") as folder,
        show_progress() as tell,
    ):
        settings = replace(resolved.settings, home=Path(folder))
        rows = run_experiment(settings, champion, seeds, progress=tell)
    before, with_live, withheld = (mean_regret(rows, arm) for arm in _ARMS)
    is_so = with_live <= before / 2 < withheld
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
        return 0 if is_so else 1
    print("Simulated nodes with one L3 group slowed by 30 %; regret of the first unprobed choice.")
    print_table(
        ("seed", "node", "CPUs", "champion", "after one retrain", "live rows withheld"),
        [_cells(row) for row in rows],
    )
    print(
        f"mean regret: champion {before:.2%}, after one retrain {with_live:.2%}, "
        f"with the live rows withheld {withheld:.2%}"
    )
    print("one retrain on live data " + ("halves it" if is_so else "does not halve it"))
    return 0 if is_so else 1


def _cells(row: LiveDataRow) -> tuple[str, ...]:
    def cell(arm: Arm) -> str:
        return f"{arm.regret:.2%}, {arm.n_missed} of {row.n_targets} missed"

    head = (str(row.seed), row.node, str(row.n_logical))
    return (*head, *(cell(getattr(row, arm)) for arm in _ARMS))
