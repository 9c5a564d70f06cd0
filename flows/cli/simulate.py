"""`joulepilot simulate`: scenarios at accelerated time, joulepilot beside everything else."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.planning.signals import Quantity, read_signal
from components.policy.brain import load_brain
from components.simulation.deferred import draw_day, run_day
from components.simulation.errors import ScenarioError
from components.simulation.recorded import RecordedSurface
from components.simulation.run import simulate
from components.simulation.scenario import read_scenario, shipped_scenarios
from components.simulation.score import best_other
from components.solver.process import SolverProcess
from flows.cli.bundle_choice import bundle_folder
from flows.cli.printing import print_table
from models.allocator.recordings import read_recordings

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved
    from components.simulation.deferred import Day, DayOutcome
    from components.simulation.run import Outcome
    from components.simulation.scenario import Scenario

COLUMNS = (
    "contender", "node power", "saving", "of the oracle's", "missed", "target met",
    "missed in probes", "moves a job and hour",
)  # fmt: skip


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Play a scenario with each seed, and print how everyone did."""
    scenario = find_scenario(arguments.scenario)
    if scenario.carbon is not None:
        return _run_days(scenario, arguments)
    recordings = recorded_surfaces(arguments.recordings)
    brain = load_brain(bundle_folder(arguments.bundle, resolved.settings.home))
    outcomes = []
    with SolverProcess() as solver:
        for seed in arguments.seed:
            outcome = simulate(
                scenario,
                seed,
                brain,
                solve=solver.solve if arguments.prove else None,
                with_per_job=not arguments.without_per_job,
                recordings=recordings,
            )
            outcomes.append(outcome)
            if not arguments.json:
                _print(scenario, outcome)
    if arguments.json:
        print(json.dumps([_row(outcome) for outcome in outcomes]))
    if arguments.report is not None:
        _write_report(Path(arguments.report), scenario, outcomes)
    return 0


def recorded_surfaces(folder: str | None) -> tuple[RecordedSurface, ...]:
    """What the jobs answer like, by a folder of recordings; nothing without one.

    Raises:
        RecordingError: it holds none, or a damaged one.
    """
    if folder is None:
        return ()
    return tuple(
        RecordedSurface(r.name, r.topology, r.candidates, r.latency_ms, r.power_w, r.sidecar.idle_w)
        for r in read_recordings(Path(folder))
    )


def find_scenario(name: str) -> Scenario:
    """Read a scenario by the name of a shipped one, or by its file.

    Raises:
        ScenarioError: there is none, or it cannot be read.
    """
    shipped = shipped_scenarios()
    path = shipped.get(name, Path(name))
    if name not in shipped and not path.is_file():
        raise ScenarioError(
            f"asked to simulate {name!r}",
            "that is no file, and no shipped scenario",
            f"give a TOML file, or one of {', '.join(shipped)}",
        )
    return read_scenario(path)


def _run_days(scenario: Scenario, arguments: argparse.Namespace) -> int:
    """Live through a day of deferrable work with each seed, both ways."""
    signal = read_signal(scenario.folder / (scenario.carbon or ""), Quantity.CARBON)
    rows = []
    for seed in arguments.seed:
        day = draw_day(scenario, signal, seed)
        at_once, placed = (run_day(day, is_placed=flag) for flag in (False, True))
        rows.append({"scenario": scenario.name, "seed": seed, "ways": [at_once, placed]})
        if arguments.report is not None:
            figure = _made(Path(arguments.report)) / f"{scenario.name}-{seed}.png"
            _draw_day(day, (at_once, placed), figure)
        if arguments.json:
            continue
        print(f"\n{scenario.name}, seed {seed}: {scenario.about} (simulated)")
        print_table(
            ("way", "carbon", "energy", "deadlines missed", "of feasible"),
            [
                (
                    way.name,
                    f"{way.carbon_g:.0f} gCO2e",
                    f"{way.energy_kwh:.3f} kWh",
                    ", ".join(way.missed) or "none",
                    str(len(way.feasible)),
                )
                for way in (at_once, placed)
            ],
        )
        print(f"{1 - placed.carbon_g / at_once.carbon_g:.1%} less carbon than run at once")
    if arguments.json:
        print(json.dumps(rows, default=asdict))
    return 0


def _draw_day(day: Day, ways: tuple[DayOutcome, ...], path: Path) -> None:
    from flows.cli.simulate_figure import draw_day_figure

    draw_day_figure(day, ways, path)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenarioError(
            f"asked for a report in {folder}",
            f"it cannot be written: {error}",
            "give a folder that can be written",
        ) from error
    return folder


def _print(scenario: Scenario, outcome: Outcome) -> None:
    print(f"\n{scenario.name}, seed {outcome.seed}: {scenario.about} (simulated)")
    print_table(
        COLUMNS,
        [
            (
                s.contender,
                f"{s.power_w:.1f} W",
                f"{s.saving:.1%}",
                f"{s.of_oracle:.1%}",
                str(s.missed),
                f"{s.met_share:.2%}",
                str(s.missed_probes),
                f"{s.moves_per_job_hour:.1f}",
            )
            for s in outcome.scores
        ],
    )
    other = best_other(outcome.scores)
    print(f"best of the others that missed no more: {other.contender}, {other.saving:.1%}")
    if outcome.oracle_gap is not None:
        print(f"the oracle's plans are within {outcome.oracle_gap:.2%} of the best, as proven")


def _row(outcome: Outcome) -> dict[str, object]:
    return {
        "scenario": outcome.scenario,
        "seed": outcome.seed,
        "scores": [asdict(score) for score in outcome.scores],
        "best_other": best_other(outcome.scores).contender,
        "oracle_gap": outcome.oracle_gap,
    }


def _write_report(folder: Path, scenario: Scenario, outcomes: list[Outcome]) -> None:
    from flows.cli.simulate_figure import draw_outcome

    rows = [_row(outcome) for outcome in outcomes]
    report = _made(folder) / f"{scenario.name}.json"
    report.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    for outcome in outcomes:
        draw_outcome(outcome, folder / f"{scenario.name}-{outcome.seed}.png")
