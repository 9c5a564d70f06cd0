"""`joulepilot allocator benchmark`: our policy beside everything else one could run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.policy.brain import load_brain
from flows.cli.bundle_choice import bundle_folder
from flows.cli.printing import show_progress
from flows.errors import BenchmarkError
from models.allocator.arena_benchmark import benchmark
from models.allocator.arena_figure import draw_misses, draw_regret
from models.allocator.arena_table import summarise, table
from models.allocator.evaluation_set import FAMILIES
from models.allocator.load_change import load_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from components.settings.settings import Resolved
    from models.allocator.arena import Contender
    from models.allocator.arena_benchmark import Bout

MOST_NOISE = 0.5


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Let all contenders decide the same made-up nodes, and print how they did."""
    _check(arguments)
    folder = _made(Path(arguments.figures)) if arguments.figures else None
    brain = load_brain(bundle_folder(arguments.bundle, resolved.settings.home))
    if not arguments.json:
        nodes = f"{arguments.nodes} made-up nodes a family, seed {arguments.seed}"
        print(f"{nodes}; bundle {brain.digest[:12]}", flush=True)
    bouts = []
    with show_progress() as progress:
        for bout in benchmark(
            brain,
            families=arguments.family or FAMILIES,
            noises=arguments.noise,
            n_nodes=arguments.nodes,
            seed=arguments.seed,
            others=_slow_ones(arguments),
            progress=progress,
        ):
            bouts.append(bout)
            if not arguments.json:
                print(f"\n{bout.family}, noise {bout.noise:.2%} a window")
                print(table(bout.results))
                print(load_line(bout.loads), flush=True)
    if arguments.json:
        print(json.dumps([row for bout in bouts for row in _rows(bout)]))
    if folder is not None:
        _draw(bouts, folder)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    bad = [noise for noise in arguments.noise if not 0.0 <= noise <= MOST_NOISE]
    if bad:
        raise BenchmarkError(
            f"asked for noise of {bad}",
            f"noise is a share from 0 to {MOST_NOISE:g}",
            "give 0.01 for one per cent",
        )
    if arguments.nodes < 1 or arguments.seed < 0:
        raise BenchmarkError(
            f"asked for {arguments.nodes} nodes of the seed {arguments.seed}",
            "that is no population",
            "give at least 1 node, and a seed of 0 or more",
        )


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchmarkError(
            f"asked for figures in {folder}",
            f"that folder cannot be made: {error}",
            "give a folder that can be written",
        ) from error
    return folder


def _slow_ones(arguments: argparse.Namespace) -> tuple[Contender, ...]:
    if not arguments.naive_sb3:
        return ()
    from models.allocator.baselines.naive_sb3 import NaiveSb3

    return tuple(NaiveSb3(name, arguments.naive_steps) for name in ("PPO", "DQN"))


def _rows(bout: Bout) -> list[dict[str, object]]:
    where = {"family": bout.family, "noise": bout.noise}
    rows = [where | asdict(summary) for summary in summarise(bout.results)]
    if bout.loads is not None:
        rows.append(where | {"contender": "ours, load moved"} | asdict(bout.loads))
    return rows


def _draw(bouts: Sequence[Bout], folder: Path) -> None:
    for noise in dict.fromkeys(bout.noise for bout in bouts):
        same = [bout for bout in bouts if bout.noise == noise]
        draw_regret(same, folder / f"regret-against-probes-noise-{noise:g}.png")
        draw_misses(same, folder / f"misses-noise-{noise:g}.png")
